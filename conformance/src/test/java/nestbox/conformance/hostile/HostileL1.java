package nestbox.conformance.hostile;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.StartState;
import nestbox.devices.BoardMap;
import nestbox.platform.GuestMemory;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.VmcsField;

import java.util.SplittableRandom;

/// A hypervisor that is a guest and means harm: it executes VMX instructions with operands that
/// lie, and starts guests from control structures and EPT tables that are mostly in order.
///
/// Whatever a step raises, and every VM exit, leads to the next step.
final class HostileL1 {
    private static final int STEPS = 120;
    private static final int EAX = 0;
    private static final int EDX = 2;
    private static final int EBX = 3;

    /// The address of the next step.
    private static final int NEXT = Memory.FLOAT_STATE;

    private static final int DISPATCH = Memory.CODE + 0xF000;
    private static final int GOOD_STATE = Memory.CODE + 0xC000;

    /// VMXON regions and VMCSs.
    private static final int REGIONS = 0x10_0000;

    private static final int REGION_COUNT = 4;
    private static final int EPT = 0x11_0000;
    private static final int EPT_TABLES = 5;

    /// Bitmaps, MSR areas, virtual-APIC pages.
    private static final int PAGES = 0x12_0000;

    private static final int PAGE_COUNT = 8;
    private static final int L2_CODE = 0x13_0000;
    private static final int POINTER = 0x14_0000;
    private static final VmcsField[] FIELDS = VmcsField.values();

    private static final String[] L2_INSTRUCTIONS = {
        "0FA2", "F4", "0F01C1", "0F20C0", "0F20D8", "0F22D8", "0F32", "0F30", "E460", "E680",
        "488907", "488B07", "0F01C2", "0F01D0", "0F31", "F390", "0F08", "0F0B", "CC", "CD80",
        "0F0138", "F3AA", "F348AB", "6C", "6E", "0F21F8", "0F23F8", "0F01D4", "FB", "9C9D", "FFE7"
    };

    private final SplittableRandom random;
    private final RandomValues values;
    private final GuestMemory memory;
    private final CodeBuffer code = new CodeBuffer();

    /// @param strangers where memory starts that isn't the guest's
    HostileL1(SplittableRandom random, GuestMemory memory, long... strangers) {
        this.random = random;
        this.memory = memory;
        values = new RandomValues(random, strangers);
    }

    StartState prepare() {
        FlatGuest guest = new FlatGuest(memory, true);
        for (int vector = 0; vector < 0x100; vector++) {
            guest.handler(vector, DISPATCH, 0);
        }
        CodeBuffer dispatch = new CodeBuffer();
        dispatch.move64(4, FlatGuest.STACK).store(0xFEE0_00B0L, 4, 0);
        guest.put(DISPATCH, dispatch.hex("FF2425").doubleWord(NEXT));
        guest.put(GOOD_STATE, goodState());
        pages();
        tables();
        guest.put(L2_CODE, l2());
        step(new CodeBuffer().hex("0F20E0 480D").doubleWord(ControlBits.CR4_VMXE).hex("0F22E0"));
        step(revisions());
        step(pointed(REGIONS, "F30FC733"));
        step(pointed(REGIONS + 0x1000, "660FC733"));
        step(pointed(REGIONS + 0x1000, "0FC733"));
        step(callGoodState());
        for (int i = 0; i < STEPS; i++) {
            step(anything());
        }
        code.hex("EBFE");
        return guest.put(Memory.CODE, code).start();
    }

    private boolean chance(int oneIn) {
        return random.nextInt(oneIn) == 0;
    }

    private int one(int start, int count) {
        return start + random.nextInt(count) * 0x1000;
    }

    /// Any address, but preferably one that belongs to others.
    private long evil() {
        return chance(2) ? values.stranger() : values.address();
    }

    // What is in memory

    private void pages() {
        for (int at = 0; at < PAGE_COUNT * 0x1000; at += 8) {
            memory.writeLong(PAGES + at, chance(4) ? values.any() : 0);
        }
    }

    private void tables() {
        for (int table = 0; table < EPT_TABLES; table++) {
            for (int i = 0; i < 512; i++) {
                memory.writeLong(EPT + 0x1000L * table + 8L * i, entry(table, i));
            }
        }
    }

    /// Mostly a map of memory to itself: table 0 names 1, that names 2 and so on.
    private long entry(int table, int index) {
        boolean large = table > 0 && table < 3 && index > 0;
        int shift = 39 - 9 * Math.min(table, 3);
        long own = table < 3 && !large ? EPT + 0x1000L * (table + 1) : (long) index << shift;
        int rare = index == 0 ? 64 : 12;
        long rights = chance(rare) ? random.nextInt(0x800) : 7 | (large || table >= 3 ? 0x30 : 0);
        long target = chance(rare) ? evil() & -0x1000 : own;
        return target | rights | (large ? 0x80 : 0);
    }

    private CodeBuffer l2() {
        CodeBuffer l2 = new CodeBuffer();
        for (int i = 0; i < 24; i++) {
            switch (random.nextInt(8)) {
                case 0, 6 -> l2.move64(7, evil());
                case 7 -> interrupt(l2);
                case 1 -> l2.move64(random.nextInt(3), values.any());
                case 2 -> l2.byteValue(random.nextInt(256)).byteValue(random.nextInt(256));
                default -> l2.hex(L2_INSTRUCTIONS[random.nextInt(L2_INSTRUCTIONS.length)]);
            }
        }
        return l2.hex("0F01C1 EBFE");
    }

    /// An interprocessor interrupt of any kind, for any processor, in either mode of the APIC.
    private void interrupt(CodeBuffer l2) {
        long command = random.nextInt(0x10_0000);
        long destination = random.nextInt(6);
        if (chance(2)) {
            l2.writeMsr(0x830, command | destination << 32);
        } else {
            l2.store(BoardMap.LOCAL_APIC + 0x310, 4, destination << 24);
            l2.store(BoardMap.LOCAL_APIC + 0x300, 4, command);
        }
    }

    // Steps

    /// Adds code behind which the next step follows, however it ends.
    private void step(CodeBuffer body) {
        int next = Memory.CODE + code.size() + 12 + body.size();
        code.hex("48C70425").doubleWord(NEXT).doubleWord(next);
        for (byte each : body.toBytes()) {
            code.byteValue(each);
        }
    }

    /// Writes the revision of a VMCS into the regions, or something else into some.
    private CodeBuffer revisions() {
        CodeBuffer body = new CodeBuffer().move32(1, Msr.IA32_VMX_BASIC.number()).hex("0F32");
        for (int i = 0; i < REGION_COUNT; i++) {
            body.hex(i > 1 && chance(4) ? "893C25" : "890425").doubleWord(REGIONS + 0x1000L * i);
        }
        return body;
    }

    private static CodeBuffer callGoodState() {
        return new CodeBuffer().move32(EAX, GOOD_STATE).hex("FFD0");
    }

    /// An instruction on `[rbx]` where a pointer lies.
    private static CodeBuffer pointed(long pointer, String hex) {
        return new CodeBuffer().store(POINTER, 8, pointer).move64(EBX, POINTER).hex(hex);
    }

    private long region() {
        return chance(3) ? evil() : one(REGIONS, REGION_COUNT);
    }

    private CodeBuffer anything() {
        CodeBuffer body = new CodeBuffer();
        return switch (random.nextInt(24)) {
            case 0, 1, 2, 3, 4, 5 -> badField();
            case 6, 7, 8, 9, 10 -> body.hex(chance(2) ? "0F01C2" : "0F01C3");
            case 11, 12, 13 -> callGoodState();
            case 14 -> pointed(region(), "0FC733");
            case 15 -> pointed(region(), "660FC733");
            case 16 -> chance(4) ? pointed(region(), "F30FC733") : body.hex("0F01C3");
            case 17 -> body.move64(EBX, evil()).hex(chance(2) ? "0FC73B" : "0FC733");
            case 18 -> readField();
            case 19 -> invalidation();
            case 20 -> body.move64(8, values.any()).move64(7, evil()).hex("0F01C1");
            case 21 -> randomForm();
            case 22 -> chance(6) ? body.hex("0F01C4") : memoryChange();
            default -> memoryChange();
        };
    }

    private CodeBuffer badField() {
        VmcsField field = FIELDS[random.nextInt(FIELDS.length)];
        long encoding = chance(20) ? random.nextInt(0x8000) : field.encoding();
        return write(encoding, value(field));
    }

    private long value(VmcsField field) {
        for (ControlWord word : ControlWord.values()) {
            if (word.field() == field) {
                return word.reserved1() | 1L << random.nextInt(32) | bits();
            }
        }
        return switch (random.nextInt(4)) {
            case 0 -> one(PAGES, PAGE_COUNT);
            case 1 -> evil();
            case 2 -> random.nextInt(16);
            default -> values.any();
        };
    }

    private long bits() {
        return random.nextInt() & random.nextInt() & 0xFFFF_FFFFL;
    }

    private CodeBuffer readField() {
        long encoding = FIELDS[random.nextInt(FIELDS.length)].encoding();
        CodeBuffer body = new CodeBuffer().move64(EAX, chance(8) ? values.any() : encoding);
        long operand = chance(10) ? evil() : one(PAGES, PAGE_COUNT);
        return body.move64(EBX, operand).hex(chance(2) ? "0F7803" : "0F7903");
    }

    private CodeBuffer invalidation() {
        CodeBuffer body = new CodeBuffer();
        body.store(POINTER, 8, values.any()).store(POINTER + 8, 8, chance(2) ? 0 : evil());
        body.move64(EAX, random.nextInt(5)).move64(EBX, chance(4) ? evil() : POINTER);
        return body.hex(chance(2) ? "660F388003" : "660F388103");
    }

    /// A VMX opcode with operands of any form.
    private CodeBuffer randomForm() {
        String[] opcodes = {"0FC7", "0F78", "0F79", "660FC7", "F30FC7", "660F3880", "0F01"};
        CodeBuffer body = new CodeBuffer();
        body.move64(EAX, values.any()).move64(EBX, values.any()).move64(EDX, values.any());
        body.hex(chance(6) ? "F0" : "").hex(opcodes[random.nextInt(opcodes.length)]);
        return body.byteValue(random.nextInt(256)).doubleWord(random.nextInt());
    }

    private CodeBuffer memoryChange() {
        CodeBuffer body = new CodeBuffer();
        long offset = random.nextInt(512) * 8L;
        return switch (random.nextInt(4)) {
            case 0 -> body.store(one(REGIONS, REGION_COUNT) + offset, 8, values.any());
            case 1 -> body.store(one(PAGES, PAGE_COUNT) + offset, 8, values.any());
            default -> {
                int table = random.nextInt(EPT_TABLES);
                int index = random.nextInt(chance(2) ? 2 : 512);
                yield body.store(EPT + 0x1000L * table + 8L * index, 8, entry(table, index));
            }
        };
    }

    // A control structure in order

    private static CodeBuffer write(long encoding, long value) {
        return new CodeBuffer().move64(EAX, encoding).move64(EDX, value).hex("0F79C2");
    }

    private CodeBuffer goodState() {
        CodeBuffer body = new CodeBuffer();
        put(body, PIN_BASED_CONTROLS, 0x16);
        put(body, PRIMARY_CONTROLS, 0x8401_E172L | (chance(2) ? 0x80 : 0));
        put(body, SECONDARY_CONTROLS, chance(8) ? 0 : 0xA2);
        put(body, EXIT_CONTROLS, 0x3_6FFF);
        put(body, ENTRY_CONTROLS, 0x13FF);
        put(body, VIRTUAL_PROCESSOR_IDENTIFIER, 1 + random.nextInt(3));
        put(body, EPT_POINTER, EPT | 0x1E);
        put(body, VMCS_LINK_POINTER, -1);
        put(body, EXCEPTION_BITMAP, random.nextInt());
        put(body, CR0_GUEST_HOST_MASK, 0);
        put(body, CR4_GUEST_HOST_MASK, 0);
        put(body, CR3_TARGET_COUNT, 0);
        put(body, ENTRY_INTERRUPTION_INFORMATION, 0);
        put(body, ENTRY_MSR_LOAD_COUNT, 0);
        put(body, EXIT_MSR_LOAD_COUNT, 0);
        put(body, EXIT_MSR_STORE_COUNT, 0);
        guestState(body);
        hostState(body);
        return body.hex("C3");
    }

    private static void put(CodeBuffer body, VmcsField field, long value) {
        body.move64(EAX, field.encoding()).move64(EDX, value).hex("0F79C2");
    }

    private void guestState(CodeBuffer body) {
        for (int i = 0; i < 8; i++) {
            int[] selectors = {16, 24, 16, 16, 16, 16, 0, Tables.TASK};
            put(body, GUEST_ES_SELECTOR.plus(i), selectors[i]);
            put(body, GUEST_ES_BASE.plus(i), 0);
            put(body, GUEST_ES_LIMIT.plus(i), i >= 6 ? 0x67 : 0xFFFF_FFFFL);
            int kind = new int[] {1, 0, 1, 1, 1, 1, 2, 3}[i];
            put(
                    body,
                    GUEST_ES_ACCESS_RIGHTS.plus(i),
                    new long[] {0xA09B, 0xC093, 0x1_0000, 0x8B}[kind]);
        }
        put(body, GUEST_CR0, 0x8000_0031L);
        put(body, GUEST_CR3, Memory.PML4);
        put(body, GUEST_CR4, ControlBits.CR4_PAE | ControlBits.CR4_VMXE);
        put(body, GUEST_EFER, 0x500);
        put(body, GUEST_DR7, 0x400);
        put(body, GUEST_RFLAGS, 2);
        put(body, GUEST_RIP, L2_CODE);
        put(body, GUEST_RSP, FlatGuest.INTERRUPT_STACK);
        put(body, GUEST_GDTR_LIMIT, 0xFFF);
        put(body, GUEST_IDTR_BASE, Memory.IDT);
        put(body, GUEST_IDTR_LIMIT, chance(2) ? 0xFFF : 0);
        put(body, GUEST_ACTIVITY_STATE, 0);
        put(body, GUEST_INTERRUPTIBILITY_STATE, 0);
        put(body, GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
        put(body, GUEST_DEBUGCTL, 0);
        put(body, GUEST_SYSENTER_ESP, 0);
        put(body, GUEST_SYSENTER_EIP, 0);
    }

    private static void hostState(CodeBuffer body) {
        for (VmcsField field :
                new VmcsField[] {
                    HOST_ES_SELECTOR,
                    HOST_SS_SELECTOR,
                    HOST_DS_SELECTOR,
                    HOST_FS_SELECTOR,
                    HOST_GS_SELECTOR
                }) {
            put(body, field, Tables.DATA);
        }
        put(body, HOST_CS_SELECTOR, Tables.CODE_64);
        put(body, HOST_TR_SELECTOR, Tables.TASK);
        put(body, HOST_CR0, 0x8000_0031L);
        put(body, HOST_CR3, Memory.PML4);
        put(body, HOST_CR4, ControlBits.CR4_PAE | ControlBits.CR4_VMXE);
        put(body, HOST_FS_BASE, 0);
        put(body, HOST_GS_BASE, 0);
        put(body, HOST_TR_BASE, Memory.TSS);
        put(body, HOST_GDTR_BASE, Memory.GDT);
        put(body, HOST_IDTR_BASE, Memory.IDT);
        put(body, HOST_SYSENTER_ESP, 0);
        put(body, HOST_SYSENTER_EIP, 0);
        put(body, HOST_RSP, FlatGuest.STACK);
        put(body, HOST_RIP, DISPATCH);
    }
}
