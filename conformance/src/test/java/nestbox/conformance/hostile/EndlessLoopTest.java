package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.app.board.Outcome;
import nestbox.cpu.StartState;
import nestbox.platform.GuestMemory;
import nestbox.x86.Vector;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// Whatever a guest can do endlessly takes time, so that alarms ring meanwhile and a run of limited
/// time ends.
@Timeout(value = 3, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class EndlessLoopTest {
    private static final long NANOS = 1_000_000;

    /// What the last turn may take longer, in time: a repeated instruction gives way now and then.
    private static final long SLACK = 200_000;

    private static final int HANDLER = Memory.CODE + 0x1000;

    /// Runs code at CPL 0, for which nothing is left but to go on until the time is over.
    private static void runsOn(java.util.function.Function<GuestMemory, StartState> guest)
            throws IOException {
        try (Victim victim = new Victim(1, List.of())) {
            long before = victim.nanos();
            Optional<Outcome> outcome = victim.run(guest.apply(victim.memory()), NANOS);
            assertThat(outcome).isEmpty();
            assertThat(victim.nanos() - before).isBetween(NANOS, NANOS + SLACK);
        }
    }

    private static CodeBuffer code(String hex) {
        return new CodeBuffer().hex(hex);
    }

    @Test
    void handlerThatFaultsOnItsFirstInstruction() throws IOException {
        runsOn(
                memory ->
                        new FlatGuest(memory, true)
                                .handler(Vector.UD, HANDLER, 1)
                                .put(HANDLER, code("0F0B"))
                                .put(Memory.CODE, code("0F0B"))
                                .start());
    }

    @Test
    void handlerThatCannotBeFetched() throws IOException {
        runsOn(
                memory ->
                        new FlatGuest(memory, true)
                                .handler(Vector.UD, FlatGuest.UNMAPPED, 1)
                                .handler(Vector.PF, FlatGuest.UNMAPPED, 1)
                                .put(Memory.CODE, code("0F0B"))
                                .start());
    }

    @Test
    void handlerThatFaultsUntilTheStackIsUsedUp() throws IOException {
        try (Victim victim = new Victim(1, List.of())) {
            StartState start =
                    new FlatGuest(victim.memory(), true)
                            .handler(Vector.UD, HANDLER, 0)
                            .put(HANDLER, code("0F0B"))
                            .put(Memory.CODE, code("0F0B"))
                            .start();
            Optional<Outcome> outcome = victim.run(start, 100 * NANOS);
            assertThat(outcome).get().isInstanceOf(Outcome.Crashed.class);
        }
    }

    @Test
    void realModeHandlerThatFaultsOnItsFirstInstruction() throws IOException {
        runsOn(
                memory -> {
                    FlatGuest guest = new FlatGuest(memory, false);
                    memory.writeLong(Memory.GDT + Tables.CODE_16, 0x0000_9B02_0000_FFFFL);
                    memory.writeInt(4 * Vector.UD, Memory.CODE >> 4 << 16 | 0x100);
                    // The real-mode IVT is at 0; then 16-bit code clears CR0.PE.
                    memory.writeShort(Memory.PROLOGUE + 0xF00, 0x3FF);
                    memory.writeLong(Memory.PROLOGUE + 0xF02, 0);
                    CodeBuffer jump = new CodeBuffer();
                    jump.hex("EA").doubleWord(0x40).word(Tables.CODE_16);
                    CodeBuffer real = new CodeBuffer();
                    real.hex("66B8").doubleWord(0x10).hex("0F22C0");
                    real.hex("EA").word(0x100).word(Memory.CODE >> 4);
                    return guest.put(Memory.CODE, jump)
                            .put(Memory.CODE + 0x40, real)
                            .put(Memory.CODE + 0x100, code("0F0B"))
                            .start();
                });
    }

    @Test
    void breakpointAtTheDebugHandler() throws IOException {
        runsOn(
                memory -> {
                    CodeBuffer code = new CodeBuffer();
                    code.move32(0, HANDLER).hex("0F23C0").move32(0, 0x402).hex("0F23F8 F1");
                    return new FlatGuest(memory, true)
                            .handler(Vector.DB, HANDLER, 1)
                            .put(HANDLER, code("48CF"))
                            .put(Memory.CODE, code)
                            .start();
                });
    }

    @Test
    void watchpointOnTheStackOfTheDebugHandler() throws IOException {
        runsOn(
                memory -> {
                    CodeBuffer code = new CodeBuffer();
                    code.move32(0, FlatGuest.INTERRUPT_STACK - 8).hex("0F23C0");
                    code.move32(0, 0x9_0402).hex("0F23F8 F1");
                    return new FlatGuest(memory, true)
                            .handler(Vector.DB, HANDLER, 1)
                            .put(HANDLER, code("48CF"))
                            .put(Memory.CODE, code)
                            .start();
                });
    }

    /// The handler runs at CPL 3 as well, so that its own delivery pushes to the same stack.
    @Test
    void alignmentCheckWhileAnAlignmentCheckIsDelivered() throws IOException {
        runsOn(
                memory -> {
                    CodeBuffer code = new CodeBuffer();
                    code.move32(0, 0x4_0031).hex("0F22C0");
                    code.hex("6A").byteValue(Tables.USER_DATA);
                    code.hex("68").doubleWord(FlatGuest.STACK + 1);
                    code.hex("68").doubleWord(0x4_0002);
                    code.hex("6A").byteValue(Tables.USER_CODE_32);
                    code.hex("68").doubleWord(HANDLER).hex("CF");
                    return new FlatGuest(memory, false)
                            .handler(Vector.AC, HANDLER, 0, Tables.CONFORMING_32)
                            .put(HANDLER, code("50"))
                            .put(Memory.CODE, code)
                            .start();
                });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "F3 AC", // REP LODSB
                "F3 48 AD",
                "F2 AE", // REPNE SCASB
                "F3 6C", // REP INSB
                "F3 6E", // REP OUTSB
                "FD F3 AC",
                "F3 A4", // REP MOVSB onto itself
                "9C 80 4C 24 01 01 9D F3 AC" // with the trap flag set
            })
    void stringInstructionOfManyIterations(String bytes) throws IOException {
        runsOn(
                memory -> {
                    CodeBuffer code = new CodeBuffer();
                    code.move64(1, -1).move32(6, Memory.DATA).move32(7, Memory.DATA);
                    code.move32(0, 1).move32(2, 0x80).hex(bytes).hex("EBFE");
                    return new FlatGuest(memory, true)
                            .handler(Vector.DB, HANDLER, 1)
                            .handler(Vector.PF, HANDLER + 8, 1)
                            .put(HANDLER, code("48CF"))
                            .put(HANDLER + 8, code("4883C408 48CF"))
                            .put(Memory.CODE, code)
                            .start();
                });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "EB FE", // JMP to itself
                "F3 90 EB FC", // PAUSE
                "FB F4 EB FD", // STI, HLT
                "8E D0 EB FC", // MOV SS
                "FB EB FD", // STI
                "0F 20 D8 0F 22 D8 EB F8", // CR3
                "0F 01 38 EB FB", // INVLPG
                "0F A2 EB FC", // CPUID
                "C6 05 00 00 00 00 90 EB F7" // MOV to the next instruction
            })
    void loop(String bytes) throws IOException {
        runsOn(
                memory -> {
                    CodeBuffer code = new CodeBuffer().move32(0, Tables.DATA).hex(bytes);
                    return new FlatGuest(memory, true).put(Memory.CODE, code).start();
                });
    }
}
