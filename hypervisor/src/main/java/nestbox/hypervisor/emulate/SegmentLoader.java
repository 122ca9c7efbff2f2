package nestbox.hypervisor.emulate;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.x86.Vector;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.VmcsField;

/// Loads segment registers from descriptors of the guest as a task switch does. SDM Vol. 3A,
/// "Exception Conditions Checked During a Task Switch".
///
/// Whatever is thrown, the registers are such that VM entry takes them: the exception is delivered
/// in the new task.
final class SegmentLoader {
    static final int LDTR = 6;
    static final int TR = 7;

    private static final int TI = 4;
    private static final int RPL = 3;
    private static final int[] DATA = {GuestState.ES, GuestState.DS, GuestState.FS, GuestState.GS};
    private static final int VIRTUAL_8086_LIMIT = 0xFFFF;
    private static final int CODE_OF_USER = 0xFB;

    private final GuestLinear memory;
    private final GuestState guest;

    /// The EXT bit of error codes.
    private boolean external;

    SegmentLoader(GuestLinear memory) {
        this.memory = memory;
        guest = memory.guest();
    }

    /// Says whether the switch delivers an event that no instruction asked for.
    void external(boolean value) {
        external = value;
    }

    GuestException fault(int vector, int selector) {
        return GuestException.ofSelector(vector, selector, external);
    }

    static boolean isNull(int selector) {
        return (selector & ~RPL) == 0;
    }

    // Descriptor tables

    /// @throws GuestException of that vector, if the selector is beyond its table
    Descriptor descriptor(int selector, int vector) {
        long base = guest.read(GUEST_GDTR_BASE);
        long limit = guest.read(GUEST_GDTR_LIMIT);
        if ((selector & TI) != 0) {
            if (!AccessRights.isUsable(guest.read(GUEST_LDTR_ACCESS_RIGHTS))) {
                throw fault(vector, selector);
            }
            base = guest.read(GUEST_LDTR_BASE);
            limit = guest.read(GUEST_LDTR_LIMIT);
        }
        int index = selector & ~(RPL | TI);
        if (index + 7 > limit) {
            throw fault(vector, selector);
        }
        long at = base + index & 0xFFFF_FFFFL;
        return new Descriptor(memory.readSystem(at, Long.BYTES), at);
    }

    /// Where the descriptor of the current task lies.
    long taskDescriptor() {
        long index = guest.read(GUEST_TR_SELECTOR) & ~(long) RPL;
        return guest.read(GUEST_GDTR_BASE) + index & 0xFFFF_FFFFL;
    }

    void busy(long descriptor, boolean busy) {
        long at = descriptor + 5;
        long others = memory.readSystem(at, 1) & ~2L;
        memory.writeSystem(at, 1, busy ? others | 2 : others);
    }

    private Descriptor accessed(Descriptor descriptor) {
        if (descriptor.has(AccessRights.ACCESSED)) {
            return descriptor;
        }
        long bits = descriptor.bits() | (long) AccessRights.ACCESSED << 40;
        memory.writeSystem(descriptor.address() + 5, 1, bits >>> 40 & 0xFF);
        return new Descriptor(bits, descriptor.address());
    }

    // Registers

    void put(int number, int selector, Descriptor descriptor) {
        put(number, selector, descriptor.base(), descriptor.limit(), descriptor.rights());
    }

    private void put(int number, int selector, long base, long limit, int rights) {
        guest.write(GUEST_ES_SELECTOR.plus(number), selector);
        guest.write(GUEST_ES_BASE.plus(number), base);
        guest.write(GUEST_ES_LIMIT.plus(number), limit);
        guest.write(GUEST_ES_ACCESS_RIGHTS.plus(number), rights);
    }

    private void unusable(int number, int selector, int dpl) {
        put(number, selector, 0, 0, AccessRights.UNUSABLE | dpl << 5);
    }

    /// All segments of a task in virtual-8086 mode.
    void virtual8086(TaskState task) {
        for (int number = 0; number <= GuestState.GS; number++) {
            int selector = task.selectors()[number];
            put(
                    number,
                    selector,
                    (long) selector << 4,
                    VIRTUAL_8086_LIMIT,
                    AccessRights.VIRTUAL_8086);
        }
        localTable(task.localTable());
    }

    /// All segments of another task.
    ///
    /// @param wasVirtual whether the old task was in virtual-8086 mode
    void protectedMode(TaskState task, boolean wasVirtual) {
        int cpl = guest.cpl();
        int[] selectors = task.selectors();
        // Until its descriptor is checked, CS has that of the old task: a VM entry wants one.
        guest.write(GUEST_CS_SELECTOR, selectors[GuestState.CS]);
        if (wasVirtual) {
            guest.write(GUEST_CS_ACCESS_RIGHTS, CODE_OF_USER);
        }
        unusable(GuestState.SS, selectors[GuestState.SS], cpl);
        for (int number : DATA) {
            unusable(number, selectors[number], 0);
        }
        localTable(task.localTable());
        code(selectors[GuestState.CS]);
        stack(selectors[GuestState.SS]);
        for (int number : DATA) {
            data(number, selectors[number]);
        }
    }

    private void localTable(int selector) {
        unusable(LDTR, selector, 0);
        if (isNull(selector)) {
            return;
        }
        if ((selector & TI) != 0) {
            throw fault(Vector.TS, selector);
        }
        Descriptor table = descriptor(selector, Vector.TS);
        boolean valid = table.isSystem() && table.type() == AccessRights.TYPE_LDT;
        if (!valid || !table.isPresent()) {
            throw fault(Vector.TS, selector);
        }
        put(LDTR, selector, table);
    }

    private Descriptor descriptorOf(int selector) {
        if (isNull(selector)) {
            throw fault(Vector.TS, selector);
        }
        return descriptor(selector, Vector.TS);
    }

    private void code(int selector) {
        Descriptor code = descriptorOf(selector);
        int level = selector & RPL;
        boolean allowed = code.isConformingCode() ? code.dpl() <= level : code.dpl() == level;
        if (!code.isCode() || !allowed) {
            throw fault(Vector.TS, selector);
        }
        if (!code.isPresent()) {
            throw fault(Vector.NP, selector);
        }
        put(GuestState.CS, selector, accessed(code));
        // The current privilege level is the stack segment's.
        VmcsField stack = GUEST_SS_ACCESS_RIGHTS;
        guest.write(stack, AccessRights.UNUSABLE | level << 5);
    }

    private void stack(int selector) {
        Descriptor stack = descriptorOf(selector);
        int cpl = guest.cpl();
        if (!stack.isWritableData() || (selector & RPL) != cpl || stack.dpl() != cpl) {
            throw fault(Vector.TS, selector);
        }
        if (!stack.isPresent()) {
            throw fault(Vector.SS, selector);
        }
        put(GuestState.SS, selector, accessed(stack));
    }

    private void data(int number, int selector) {
        if (isNull(selector)) {
            return;
        }
        Descriptor data = descriptor(selector, Vector.TS);
        int needed = Math.max(guest.cpl(), selector & RPL);
        if (!data.isReadable() || !data.isConformingCode() && data.dpl() < needed) {
            throw fault(Vector.TS, selector);
        }
        if (!data.isPresent()) {
            throw fault(Vector.NP, selector);
        }
        put(number, selector, accessed(data));
    }
}
