package nestbox.cpu.vmx;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.Processors;
import nestbox.cpu.StartState;
import nestbox.cpu.VmxProcessors;
import nestbox.cpu.core.Cpu;
import nestbox.cpu.model.CpuModel;
import nestbox.platform.GuestMemory;
import nestbox.platform.MmioSpace;
import nestbox.platform.PortSpace;
import nestbox.platform.VirtualClock;
import nestbox.x86.ControlBits;
import nestbox.x86.vmx.Activity;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.EntryControl;
import nestbox.x86.vmx.ExitControl;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxControl;

import java.util.HexFormat;
import java.util.Optional;

/// A processor in VMX operation with a current VMCS: a 64-bit host and a 64-bit guest, both with
/// all memory mapped to itself. The host halts wherever its code ends, and after every VM exit.
final class VmxMachine implements AutoCloseable {
    static final long HOST_CODE = 0x1000;
    static final long HOST_EXIT = 0x2000;
    static final long VMXON_REGION = 0x1_0000;
    static final long VMCS_REGION = 0x1_1000;
    static final long OTHER_REGION = 0x1_2000;
    static final long SHADOW_REGION = 0x1_3000;
    static final long MSR_BITMAP = 0x1_4000;
    static final long IO_BITMAPS = 0x1_5000;
    static final long APIC_PAGE = 0x1_7000;
    static final long ACCESS_PAGE = 0x1_8000;
    static final long LIST = 0x1_9000;
    static final long GDT = 0x1_A000;
    static final long IDT = 0x1_B000;
    static final long GUEST_CODE = 0x2_0000;
    static final long GUEST_HANDLER = 0x2_1000;
    static final long GUEST_DATA = 0x2_2000;
    static final long GUEST_STACK = 0x2_4000;
    static final long HOST_STACK = 0x2_6000;
    static final long PAGE_TABLES = 0x10_0000;
    static final long EPT_TABLES = 0x11_0000;
    private static final long RAM = 16 << 20;

    final GuestMemory memory = new GuestMemory(RAM);
    final PortSpace ports = new PortSpace();
    final VirtualClock clock = new VirtualClock();
    final Processors processors;
    final Cpu cpu;

    VmxMachine() {
        this(CpuModel.server());
    }

    VmxMachine(CpuModel model) {
        processors = new Processors(1, model, memory, new MmioSpace(), ports, clock);
        cpu = VmxProcessors.bootstrap(processors);
        pageTables(PAGE_TABLES, 0x83, 3);
        // Code at selector 8, data at 16, a TSS at 24.
        memory.writeLong(GDT + 8, 0x00AF_9B00_0000_FFFFL);
        memory.writeLong(GDT + 16, 0x00CF_9300_0000_FFFFL);
        processors
                .bootstrap()
                .start(new StartState(true, HOST_CODE, 0, 0, 0, PAGE_TABLES, GDT, 0x27, 8, 16));
        cpu.cr4 |= ControlBits.CR4_VMXE;
        cpu.set64(Cpu.RSP, HOST_STACK);
        cpu.stateChanged();
        memory.writeByte(HOST_EXIT, 0xF4);
        for (long region : new long[] {VMXON_REGION, VMCS_REGION, OTHER_REGION, SHADOW_REGION}) {
            memory.writeInt(region, cpu.vmx.capabilities().revision());
        }
    }

    /// The first GiB, mapped to itself by large pages.
    private void pageTables(long at, long leaf, long table) {
        memory.writeLong(at, at + 0x1000 | table);
        memory.writeLong(at + 0x1000, at + 0x2000 | table);
        for (int i = 0; i < 512; i++) {
            memory.writeLong(at + 0x2000 + 8 * i, (long) i << 21 | leaf);
        }
    }

    /// In VMX operation, with an empty VMCS as the current one.
    VmxMachine on() {
        host("F3 0F C7 30", VMXON_REGION);
        host("66 0F C7 30", VMCS_REGION);
        return host("0F C7 30", VMCS_REGION);
    }

    /// In VMX operation, with a VMCS that is ready for VMLAUNCH and a guest's program.
    static VmxMachine guest(String code) {
        return new VmxMachine().on().baseline().code(code);
    }

    VmxMachine code(String hex) {
        write(GUEST_CODE, hex);
        return this;
    }

    void write(long address, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        memory.write(address, bytes, 0, bytes.length);
    }

    /// Runs host code whose memory operand is `[rax]`, pointing to a pointer.
    VmxMachine host(String hex, long pointer) {
        memory.writeLong(GUEST_DATA, pointer);
        cpu.set64(Cpu.RAX, GUEST_DATA);
        return host(hex);
    }

    /// Runs host code up to the halt behind it.
    VmxMachine host(String hex) {
        write(HOST_CODE, hex + "F4");
        cpu.rip(HOST_CODE);
        cpu.activity = Activity.ACTIVE;
        // PAUSE ends a turn.
        for (int i = 0; i < 3 && cpu.activity == Activity.ACTIVE; i++) {
            processors.turn();
        }
        return this;
    }

    VmxMachine launch() {
        return host("0F 01 C2");
    }

    VmxMachine resume() {
        return host("0F 01 C3");
    }

    Vmcs vmcs() {
        return Vmcs.at(memory, cpu.vmx.layout, VMCS_REGION).orElseThrow();
    }

    long get(VmcsField field) {
        return vmcs().read(field);
    }

    VmxMachine set(VmcsField field, long value) {
        vmcs().write(field, value);
        return this;
    }

    VmxMachine on(VmxControl... controls) {
        for (VmxControl control : controls) {
            control.word().activation().ifPresent(this::on);
            set(control.word().field(), get(control.word().field()) | control.mask());
        }
        return this;
    }

    VmxMachine off(VmxControl control) {
        return set(control.word().field(), get(control.word().field()) & ~control.mask());
    }

    Optional<ExitReason> exitReason() {
        return ExitReason.of(get(EXIT_REASON));
    }

    VmxMachine baseline() {
        for (ControlWord word : ControlWord.values()) {
            set(word.field(), word.reserved1());
        }
        on(ExitControl.HOST_ADDRESS_SPACE_SIZE, EntryControl.IA_32E_MODE_GUEST);
        set(VMCS_LINK_POINTER, -1);
        set(HOST_CR0, cpu.cr0).set(HOST_CR3, cpu.cr3).set(HOST_CR4, cpu.cr4);
        set(HOST_CS_SELECTOR, 8).set(HOST_SS_SELECTOR, 16).set(HOST_TR_SELECTOR, 24);
        set(HOST_GDTR_BASE, GDT).set(HOST_IDTR_BASE, 0);
        set(HOST_RIP, HOST_EXIT).set(HOST_RSP, HOST_STACK);
        set(GUEST_CR0, cpu.cr0).set(GUEST_CR3, cpu.cr3).set(GUEST_CR4, cpu.cr4);
        segment(1, 8, 0, 0xFFFF_FFFFL, 0xA09B);
        for (int data : new int[] {0, 2, 3, 4, 5}) {
            segment(data, 16, 0, 0xFFFF_FFFFL, 0xC093);
        }
        segment(6, 0, 0, 0, 0x1_0000);
        segment(7, 24, 0, 0x67, 0x8B);
        set(GUEST_GDTR_BASE, GDT).set(GUEST_GDTR_LIMIT, 0x27);
        set(GUEST_IDTR_BASE, IDT).set(GUEST_IDTR_LIMIT, 0xFFF);
        set(GUEST_DR7, 0x400).set(GUEST_RFLAGS, 2);
        return set(GUEST_RSP, GUEST_STACK).set(GUEST_RIP, GUEST_CODE);
    }

    /// @param number 0 to 7: ES CS SS DS FS GS LDTR TR
    VmxMachine segment(int number, long selector, long base, long limit, long rights) {
        set(GUEST_ES_SELECTOR.plus(number), selector);
        set(GUEST_ES_BASE.plus(number), base);
        set(GUEST_ES_LIMIT.plus(number), limit);
        return set(GUEST_ES_ACCESS_RIGHTS.plus(number), rights);
    }

    /// An interrupt gate for a vector, to [#GUEST_HANDLER].
    VmxMachine gate(int vector) {
        memory.writeLong(
                IDT + 16L * vector,
                0x8E00_0008_0000L | GUEST_HANDLER & 0xFFFF | GUEST_HANDLER >> 16 << 48);
        memory.writeLong(IDT + 16L * vector + 8, 0);
        return this;
    }

    /// EPT with everything mapped to itself, write-back, readable, writable, executable.
    VmxMachine ept() {
        pageTables(EPT_TABLES, 0xB7, 7);
        return on(SecondaryControl.ENABLE_EPT).set(EPT_POINTER, EPT_TABLES | 6 | 3 << 3);
    }

    /// The EPT entry of the 2 MiB page of an address.
    long eptEntry(long address) {
        return EPT_TABLES + 0x2000 + 8 * (address >> 21);
    }

    /// Maps the 2 MiB page of an address by pages of 4 KiB.
    ///
    /// @return where the entry of the address is
    long eptPage(long address) {
        long table = EPT_TABLES + 0x4000;
        long start = address & -(1L << 21);
        for (int i = 0; i < 512; i++) {
            memory.writeLong(table + 8 * i, start + ((long) i << 12) | 0x37);
        }
        memory.writeLong(eptEntry(address), table | 7);
        return table + 8 * (address >> 12 & 0x1FF);
    }

    @Override
    public void close() {
        processors.close();
        memory.close();
    }
}
