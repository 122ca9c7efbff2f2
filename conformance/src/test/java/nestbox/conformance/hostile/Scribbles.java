package nestbox.conformance.hostile;

import nestbox.cpu.StartState;
import nestbox.devices.BoardMap;
import nestbox.platform.GuestMemory;
import nestbox.x86.Msr;
import nestbox.x86.Vector;

import java.util.SplittableRandom;

/// A guest that writes wherever it can: over all of memory, to MSRs, to ports, and to the interrupt
/// command register, for every processor there is.
final class Scribbles {
    private static final int ROUNDS = 60;
    private static final int X2APIC = 0xC00;
    private static final int X2APIC_ICR = 0x830;
    private static final int FIRST_SWEEP = 0x20_0000;
    private static final int PAGE = 0x1000;
    private static final int HANDLER = Memory.CODE + 0x4000;
    private static final int SKIP = HANDLER + 0x1000;

    private final SplittableRandom random;
    private final RandomValues values;
    private final GuestMemory memory;
    private final long[] strangers;
    private final CodeBuffer code = new CodeBuffer();
    private boolean x2apic;

    /// @param strangers where memory starts that isn't the guest's
    Scribbles(SplittableRandom random, GuestMemory memory, long... strangers) {
        this.random = random;
        this.memory = memory;
        this.strangers = strangers.clone();
        values = new RandomValues(random, strangers);
    }

    StartState prepare() {
        for (long start : strangers) {
            long end = start + RandomValues.STRANGERS_SIZE;
            sweep(start - 16 * PAGE, end + 16 * PAGE, PAGE);
        }
        sweep(FIRST_SWEEP, GuestMemory.FOUR_GIB + FIRST_SWEEP, FIRST_SWEEP + PAGE);
        for (int i = 0; i < ROUNDS; i++) {
            scribble();
        }
        code.hex("EBFE");
        FlatGuest guest = new FlatGuest(memory, true);
        CodeBuffer handler = new CodeBuffer();
        handler.hex("50 53").store(BoardMap.LOCAL_APIC + 0xB0, 4, 0).hex("5B 58 48CF");
        for (int vector = 0; vector < 0x100; vector++) {
            guest.handler(vector, HANDLER, 0);
        }
        // WRMSR raises it, and has two bytes.
        CodeBuffer skip = new CodeBuffer().hex("4883C408 48830424 02 48CF");
        guest.handler(Vector.GP, SKIP, 0).put(SKIP, skip).put(HANDLER, handler);
        return guest.put(Memory.CODE, code).start();
    }

    /// MOV [RDI], RAX at each step from start to end.
    private void sweep(long start, long end, int step) {
        code.move64(7, start + random.nextInt(PAGE - 8)).move64(1, (end - start) / step);
        code.move64(0, values.any());
        code.hex("488907 4881C7").doubleWord(step).hex("48FFC9 75F1");
    }

    private void scribble() {
        switch (random.nextInt(6)) {
            case 0, 1, 2 -> interrupt();
            case 3 -> code.writeMsr(msr(), values.any());
            case 4 -> code.store(values.stranger(), 8, values.any());
            default -> code.out(random.nextInt(0x80), 1, random.nextInt(256));
        }
    }

    private int msr() {
        Msr[] all = Msr.values();
        return random.nextInt(4) == 0
                ? random.nextInt(0x2000)
                : all[random.nextInt(all.length)].number();
    }

    /// In all delivery modes, to all destinations, with all shorthands.
    private void interrupt() {
        if (!x2apic && random.nextInt(20) == 0) {
            x2apic = true;
            code.writeMsr(Msr.IA32_APIC_BASE.number(), BoardMap.LOCAL_APIC | X2APIC | 0x100);
        }
        long command = random.nextInt(16, 256) | (long) random.nextInt(0x1000) << 8;
        long destination = random.nextInt(4) == 0 ? random.nextInt(256) : random.nextInt(4);
        if (x2apic) {
            code.writeMsr(X2APIC_ICR, command | destination << 32);
        } else {
            code.store(BoardMap.LOCAL_APIC + 0x310, 4, destination << 24);
            code.store(BoardMap.LOCAL_APIC + 0x300, 4, command);
        }
    }
}
