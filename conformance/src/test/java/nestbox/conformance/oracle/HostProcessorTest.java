package nestbox.conformance.oracle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import nestbox.x86.OpcodeMap;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.util.HexFormat;
import java.util.List;

/// The helper reports what the manual says: known answers, before any is believed.
class HostProcessorTest {
    private static final long RIP = Layout.CODE + 0x800;
    private static final long STACK = Layout.ACROSS_PAGES.address() + 256;

    private static HostProcessor host;

    @BeforeAll
    static void start() throws Exception {
        String obstacle = HostProcessor.obstacle().orElse("");
        assumeTrue(obstacle.isEmpty(), "no oracle here: " + obstacle);
        host = HostProcessor.start();
    }

    @AfterAll
    static void stop() {
        if (host != null) {
            host.close();
        }
    }

    private static State state(String instruction) {
        State state = new State();
        state.instruction(HexFormat.of().parseHex(instruction));
        state.rip(RIP);
        state.rflags(RFlags.FIXED | RFlags.IF);
        state.gpr(Encoding.RSP, STACK);
        state.fcw(0x37F);
        state.mxcsr(0x1F80);
        return state;
    }

    private static State run(State state) {
        return host.run(new Case(OpcodeMap.rows().getFirst(), state, 0, 4, 0));
    }

    @Test
    void addSetsItsFlags() {
        State before = state("4801c8");
        before.gpr(0, Long.MAX_VALUE);
        before.gpr(1, 1);
        State after = run(before);
        assertThat(after.vector()).isEqualTo(Vector.BP);
        assertThat(after.rip()).isEqualTo(RIP + 4);
        assertThat(after.gpr(0)).isEqualTo(Long.MIN_VALUE);
        assertThat(after.rflags() & RFlags.STATUS)
                .isEqualTo(RFlags.OF | RFlags.SF | RFlags.AF | RFlags.PF);
    }

    @Test
    void aDivisionByZeroIsADivideError() {
        State after = run(state("f7f1"));
        assertThat(after.vector()).isEqualTo(Vector.DE);
        assertThat(after.rip()).isEqualTo(RIP);
    }

    @Test
    void ud2IsAnInvalidOpcode() {
        assertThat(run(state("0f0b")).vector()).isEqualTo(Vector.UD);
    }

    @Test
    void hltIsPrivileged() {
        State after = run(state("f4"));
        assertThat(after.vector()).isEqualTo(Vector.GP);
        assertThat(after.errorCode()).isZero();
    }

    @Test
    void aWriteToAnUnmappedPageFaultsWithItsAddress() {
        State before = state("8801");
        before.gpr(1, Layout.DATA + Layout.DATA_SIZE);
        State after = run(before);
        assertThat(after.vector()).isEqualTo(Vector.PF);
        assertThat(after.errorCode()).isEqualTo(6);
        assertThat(after.faultAddress()).isEqualTo(Layout.DATA + Layout.DATA_SIZE);
    }

    @Test
    void aWriteToAReadOnlyPageIsAViolation() {
        State before = state("8801");
        before.gpr(1, Layout.READ_ONLY + 5);
        State after = run(before);
        assertThat(after.errorCode()).isEqualTo(7);
        assertThat(after.faultAddress()).isEqualTo(Layout.READ_ONLY + 5);
    }

    @Test
    void aNonCanonicalStackIsAStackFault() {
        State before = state("58");
        before.gpr(Encoding.RSP, 0x0000_8000_0000_1000L);
        assertThat(run(before).vector()).isEqualTo(Vector.SS);
    }

    @Test
    void anInstructionThatRunsIntoAnUnmappedPageFaultsThere() {
        State before = state("b878563412");
        before.rip(Layout.CODE + Layout.PAGE - 2);
        State after = run(before);
        assertThat(after.vector()).isEqualTo(Vector.PF);
        assertThat(after.rip()).isEqualTo(Layout.CODE + Layout.PAGE - 2);
        assertThat(after.faultAddress()).isEqualTo(Layout.CODE + Layout.PAGE);
        assertThat(after.errorCode()).isEqualTo(0x14);
    }

    @Test
    void aPushWritesTheStack() {
        State before = state("50");
        before.gpr(0, 0x1122_3344_5566_7788L);
        State after = run(before);
        assertThat(after.gpr(Encoding.RSP)).isEqualTo(STACK - 8);
        assertThat(after.load(STACK - 8, 8))
                .containsExactly(0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11);
    }

    @Test
    void theSegmentBaseCounts() {
        State before = state("648b01");
        before.fsBase(Layout.DATA);
        before.store(Layout.DATA + 4, new byte[] {1, 2, 3, 4});
        before.gpr(1, 4);
        assertThat(run(before).gpr(0)).isEqualTo(0x0403_0201);
    }

    @Test
    void theAlignmentFlagIsHonoured() {
        State before = state("8b01");
        before.rflags(RFlags.FIXED | RFlags.IF | RFlags.AC);
        before.gpr(1, Layout.DATA + 1);
        assertThat(run(before).vector()).isEqualTo(Vector.AC);
    }

    @Test
    void x87AndSseStateGoesInAndOut() {
        State before = state("dec1");
        before.ftw(0xFF);
        before.st(0, 0x4000, 0xC000_0000_0000_0000L);
        before.st(1, 0x3FFF, Long.MIN_VALUE);
        before.xmm(5, 1, 42);
        State after = run(before);
        assertThat(after.signExponent(0)).isEqualTo(0x4001);
        assertThat(after.significand(0)).isEqualTo(Long.MIN_VALUE);
        assertThat(after.ftw()).isEqualTo(0xFE);
        assertThat(after.fsw() >> 11 & 7).isEqualTo(1);
        assertThat(after.xmm(5, 1)).isEqualTo(42);
    }

    @Test
    void aPendingX87ExceptionIsRaisedByTheNextInstruction() {
        State before = state("d9e8");
        before.fcw(0x37E);
        before.fsw(0x8081);
        assertThat(run(before).vector()).isEqualTo(Vector.MF);
    }

    @Test
    void anUnmaskedSseExceptionIsRaised() {
        State before = state("0f5ec1");
        before.mxcsr(0x1F80 & ~(4 << 7));
        before.xmm(0, 0, 0x3F80_0000);
        assertThat(run(before).vector()).isEqualTo(Vector.XM);
    }

    @Test
    void anEndlessLoopIsStoppedAndTheNextCaseRuns() {
        Case loop = new Case(OpcodeMap.rows().getFirst(), state("ebfe"), 0, 4, 0);
        Case nop = new Case(OpcodeMap.rows().getFirst(), state("90"), 0, 4, 0);
        List<State> results = host.runAll(List.of(loop, nop));
        assertThat(results.get(0).vector()).isEqualTo(State.TIMED_OUT);
        assertThat(results.get(1).rip()).isEqualTo(RIP + 2);
    }

    @Test
    void aWriteOutsideTheWindowsIsReported() {
        State before = state("c60101");
        before.gpr(1, Layout.DATA + 0x300);
        assertThat(run(before).strayWrite()).isTrue();
        before.gpr(1, Layout.ACROSS_PAGES.address());
        assertThat(run(before).strayWrite()).isFalse();
    }
}
