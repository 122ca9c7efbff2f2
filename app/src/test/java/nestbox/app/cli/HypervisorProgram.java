package nestbox.app.cli;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.VmcsField;

/// A hypervisor of a few instructions. Its guest executes CPUID again and again, and after some
/// exits it ends the run. Where a VM entry fails, it halts for good.
final class HypervisorProgram extends GuestProgram {
    /// What it writes to the exit port.
    static final int VALUE = 3;

    private static final int EXITS = 0x500;
    private static final int POINTER = 0x510;
    private static final int PAGE_DIRECTORY = 0x20_0000;
    private static final int VMXON_REGION = 0x20_1000;
    private static final int VMCS_REGION = 0x20_2000;
    private static final int MSR_LIST = 0x20_3000;
    private static final int STACK = 0x30_0000;
    private static final int SEGMENTS = 6;

    private static final long CR0 =
            ControlBits.CR0_PE | ControlBits.CR0_ET | ControlBits.CR0_NE | ControlBits.CR0_PG;

    private static final long CR4 = ControlBits.CR4_PSE | ControlBits.CR4_VMXE;

    /// Everything up to where the VMCS is ready for VMLAUNCH.
    ///
    /// @param exits how many exits end the run
    HypervisorProgram(int exits) {
        // cpuid; jmp back
        int guest = place(new GuestProgram().bytes(0x0F, 0xA2, 0xEB, -4));
        int handler = place(handler());
        store(EXITS, exits);
        enablePaging();
        beginOperation();
        controls();
        host(handler);
        guest(guest);
    }

    private static GuestProgram handler() {
        GuestProgram handler = new GuestProgram();
        handler.bytes(0xFF, 0x0D).word(EXITS); // dec dword [EXITS]
        handler.bytes(0x75, 9).exit(VALUE).spin(); // jnz past the exit
        handler.bytes(0xB8).word(GUEST_RIP.encoding()); // mov eax, GUEST_RIP
        handler.bytes(0x0F, 0x78, 0xC3); // vmread ebx, eax
        handler.bytes(0x83, 0xC3, 2); // add ebx, 2
        handler.bytes(0x0F, 0x79, 0xC3); // vmwrite eax, ebx
        return handler.bytes(0x0F, 0x01, 0xC3).halt(); // vmresume
    }

    /// VMLAUNCH.
    HypervisorProgram launch() {
        bytes(0x0F, 0x01, 0xC2).halt();
        return this;
    }

    /// VMWRITE, of the low half if the field has 64 bits.
    HypervisorProgram set(VmcsField field, long value) {
        return vmwrite(field.encoding(), (int) value);
    }

    /// VM entry loads one register from a list.
    HypervisorProgram loads(Msr msr, int value) {
        store(MSR_LIST, msr.number()).store(MSR_LIST + 8, value);
        return set(ENTRY_MSR_LOAD_ADDRESS, MSR_LIST).set(ENTRY_MSR_LOAD_COUNT, 1);
    }

    /// mov eax, encoding; mov ebx, value; vmwrite eax, ebx
    private HypervisorProgram vmwrite(int encoding, int value) {
        bytes(0xB8).word(encoding).bytes(0xBB).word(value).bytes(0x0F, 0x79, 0xC3);
        return this;
    }

    /// One page of 4 MiB, mapped to itself.
    private void enablePaging() {
        store(PAGE_DIRECTORY, 0x83);
        bytes(0xB8).word(PAGE_DIRECTORY).bytes(0x0F, 0x22, 0xD8); // mov cr3, eax
        bytes(0xB8).word((int) CR4).bytes(0x0F, 0x22, 0xE0); // mov cr4, eax
        bytes(0xB8).word((int) CR0).bytes(0x0F, 0x22, 0xC0); // mov cr0, eax
    }

    private void beginOperation() {
        bytes(0xB9).word(Msr.IA32_VMX_BASIC.number()).bytes(0x0F, 0x32); // mov ecx, …; rdmsr
        bytes(0xA3).word(VMXON_REGION); // mov [VMXON_REGION], eax
        bytes(0xA3).word(VMCS_REGION);
        store(POINTER + 4, 0).store(POINTER, VMXON_REGION);
        bytes(0xF3, 0x0F, 0xC7, 0x35).word(POINTER); // vmxon [POINTER]
        store(POINTER, VMCS_REGION);
        bytes(0x66, 0x0F, 0xC7, 0x35).word(POINTER); // vmclear [POINTER]
        bytes(0x0F, 0xC7, 0x35).word(POINTER); // vmptrld [POINTER]
    }

    private void controls() {
        for (ControlWord word : ControlWord.values()) {
            if (word.reserved1() != 0) {
                set(word.field(), word.reserved1());
            }
        }
        set(VMCS_LINK_POINTER, -1).vmwrite(VMCS_LINK_POINTER.encoding() + 1, -1);
    }

    private void host(int rip) {
        set(HOST_CR0, CR0).set(HOST_CR3, PAGE_DIRECTORY).set(HOST_CR4, CR4);
        for (VmcsField data = HOST_ES_SELECTOR; data != HOST_TR_SELECTOR; data = data.plus(1)) {
            set(data, 16);
        }
        set(HOST_CS_SELECTOR, 8).set(HOST_TR_SELECTOR, 24);
        set(HOST_RSP, STACK).set(HOST_RIP, rip);
    }

    private void guest(int rip) {
        set(GUEST_CR0, CR0).set(GUEST_CR3, PAGE_DIRECTORY).set(GUEST_CR4, CR4);
        for (int i = 0; i < SEGMENTS; i++) {
            set(GUEST_ES_SELECTOR.plus(i), 16).set(GUEST_ES_LIMIT.plus(i), -1);
            set(GUEST_ES_ACCESS_RIGHTS.plus(i), 0xC093);
        }
        set(GUEST_CS_SELECTOR, 8).set(GUEST_CS_ACCESS_RIGHTS, 0xC09B);
        set(GUEST_LDTR_ACCESS_RIGHTS, 0x1_0000);
        set(GUEST_TR_SELECTOR, 24).set(GUEST_TR_LIMIT, 0x67).set(GUEST_TR_ACCESS_RIGHTS, 0x8B);
        set(GUEST_DR7, 0x400).set(GUEST_RFLAGS, 2).set(GUEST_RSP, STACK).set(GUEST_RIP, rip);
    }
}
