package nestbox.cpu.vmx;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.ExitTally;
import nestbox.cpu.Processor;
import nestbox.platform.trace.TraceEvent;
import nestbox.platform.trace.TraceField;
import nestbox.platform.trace.TraceField.Bits;
import nestbox.platform.trace.TraceField.Number;
import nestbox.platform.trace.TraceField.Text;
import nestbox.x86.Msr;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.InterruptionInformation;
import nestbox.x86.vmx.InterruptionType;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmcsField;

import org.assertj.core.api.ListAssert;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// What a user is told about VM entries and VM exits.
class VmxTraceTest {
    private static final String CPUID = "0F A2";
    private static final TraceField VMCS = new Bits("vmcs", VmxMachine.VMCS_REGION);
    private static final TraceField AT_START = new Bits("rip", VmxMachine.GUEST_CODE);

    private final List<TraceEvent> events = new ArrayList<>();

    private VmxMachine traced(String code) {
        VmxMachine machine = VmxMachine.guest(code);
        machine.processors.trace(events::add);
        return machine;
    }

    private static Processor processor(VmxMachine machine) {
        return machine.processors.bootstrap();
    }

    private TraceEvent last() {
        return events.getLast();
    }

    private List<String> names() {
        return events.stream().map(event -> event.kind() + " " + event.name()).toList();
    }

    @Test
    void entriesAndExitsAreToldInTurn() {
        // mov eax, 0x123; cpuid
        try (VmxMachine machine = traced("B8 23 01 00 00" + CPUID)) {
            machine.set(GUEST_RIP, VmxMachine.GUEST_CODE).launch().resume();
        }
        assertThat(names())
                .containsExactly("entry VMLAUNCH", "exit CPUID", "entry VMRESUME", "exit CPUID");
        assertThat(events).allMatch(event -> event.source().equals("vmx"));
        assertThat(events).allMatch(event -> event.processor() == 0);
        assertThat(events.get(0).fields()).containsExactly(AT_START, VMCS);
        assertThat(events.get(1).fields())
                .containsExactly(
                        new Bits("rip", VmxMachine.GUEST_CODE + 5),
                        new Number("length", 2),
                        new Bits("qualification", 0),
                        new Bits("leaf", 0x123),
                        new Bits("subleaf", 0),
                        VMCS);
        List<Long> times = events.stream().map(TraceEvent::nanos).toList();
        assertThat(times).isSorted();
        assertThat(times.getFirst()).isPositive();
    }

    @Test
    void theInstructionThatExitedIsTakenApart() {
        // mov dx, 0x3F8; mov al, 0x41; out dx, al
        assertExit("66 BA F8 03 B0 41 EE", PrimaryControl.UNCONDITIONAL_IO_EXITING)
                .contains(
                        new Text("access", "out"),
                        new Bits("port", 0x3F8),
                        new Number("size", 1),
                        new Bits("value", 0x41));
        // mov ecx, 0x277; mov edx, 1; mov eax, 2; wrmsr
        assertExit("B9 77 02 00 00 BA 01 00 00 00 B8 02 00 00 00 0F 30")
                .contains(new Bits("msr", 0x277), new Bits("value", 0x1_0000_0002L));
        // mov ebx, 5; mov cr3, rbx
        assertExit("BB 05 00 00 00 0F 22 DB", PrimaryControl.CR3_LOAD_EXITING)
                .contains(
                        new Text("access", "write"),
                        new Text("register", "CR3"),
                        new Bits("value", 5));
        // mov rax, dr7
        assertExit("0F 21 F8", PrimaryControl.MOV_DR_EXITING)
                .contains(new Text("access", "read"), new Text("register", "DR7"));
    }

    private ListAssert<TraceField> assertExit(String code, PrimaryControl... controls) {
        try (VmxMachine machine = traced(code)) {
            machine.on(controls).launch();
        }
        assertThat(last().kind()).isEqualTo("exit");
        return assertThat(last().fields());
    }

    @Test
    void eptViolationsTellWhichAccessWasRefused() {
        // mov [4 MiB], al
        try (VmxMachine machine = traced("88 04 25 00 00 40 00")) {
            machine.ept();
            machine.memory.writeLong(machine.eptEntry(4 << 20), 0);
            machine.launch();
        }
        assertThat(last().name()).isEqualTo("EPT_VIOLATION");
        assertThat(last().fields())
                .contains(
                        new Bits("physical", 4 << 20),
                        new Bits("linear", 4 << 20),
                        new Text("access", "write"));
    }

    @Test
    void subPageEventsTellWhatIsWrongWithTheTables() {
        // mov [4 MiB], al
        try (VmxMachine machine = traced("88 04 25 00 00 40 00")) {
            machine.ept().on(SecondaryControl.SUB_PAGE_WRITE_PERMISSIONS);
            machine.set(SUB_PAGE_PERMISSION_TABLE_POINTER, 0x12_0000);
            machine.memory.writeLong(machine.eptPage(4 << 20), 4 << 20 | 0x35 | 1L << 61);
            machine.launch();
        }
        assertThat(last().name()).isEqualTo("SPP_EVENT");
        assertThat(last().fields())
                .contains(
                        new Bits("physical", 4 << 20),
                        new Bits("linear", 4 << 20),
                        new Text("tables", "miss"));
    }

    @Test
    void eventsAreNamedWithTheirInterruptionInformation() {
        InterruptionInformation fault =
                InterruptionInformation.of(InterruptionType.HARDWARE_EXCEPTION, Vector.GP)
                        .withErrorCode();
        // The IDT can't be read, so the event exits on its way.
        try (VmxMachine machine = traced(CPUID)) {
            machine.ept();
            machine.memory.writeLong(machine.eptPage(VmxMachine.IDT), 0);
            machine.set(ENTRY_INTERRUPTION_INFORMATION, fault.toLong());
            machine.set(ENTRY_EXCEPTION_ERROR_CODE, 0x18).launch();
        }
        assertThat(events.getFirst().fields())
                .containsExactly(
                        AT_START,
                        new Text("event", "#GP"),
                        new Bits("eventInformation", 0x8000_0B0DL),
                        new Bits("eventErrorCode", 0x18),
                        VMCS);
        assertThat(last().name()).isEqualTo("EPT_VIOLATION");
        assertThat(last().fields())
                .contains(
                        new Text("vectoring", "#GP"),
                        new Bits("vectoringInformation", 0x8000_0B0DL),
                        new Bits("vectoringErrorCode", 0x18))
                .extracting(TraceField::name)
                .doesNotContain("event");
        // ud2
        try (VmxMachine machine = traced("0F 0B")) {
            machine.set(EXCEPTION_BITMAP, 1 << Vector.UD).launch();
        }
        assertThat(last().name()).isEqualTo("EXCEPTION_OR_NMI");
        assertThat(last().fields())
                .contains(new Text("event", "#UD"), new Bits("eventInformation", 0x8000_0306L));
    }

    @Test
    void controlsThatTheEntryRefusesAreExplained() {
        try (VmxMachine machine = traced(CPUID)) {
            machine.set(VmcsField.CR3_TARGET_COUNT, 9).launch();
            assertThat(machine.get(INSTRUCTION_ERROR)).isEqualTo(7);
            assertThat(processor(machine).vmEntryFailures().orElseThrow().what())
                    .startsWith("VM-instruction error 7, VM entry with invalid control field(s): ")
                    .contains("CR3_TARGET_COUNT = 0x9; accepted: ")
                    .contains("SDM Vol. 3C, ");
        }
        assertThat(names()).containsExactly("entry-failure ENTRY_INVALID_CONTROL");
        assertThat(last().fields())
                .contains(new Text("field", "CR3_TARGET_COUNT"), new Bits("value", 9), VMCS)
                .extracting(TraceField::name)
                .contains("result", "rule", "accepted", "section");
    }

    @Test
    void hostStateThatTheEntryRefusesIsExplained() {
        try (VmxMachine machine = traced(CPUID)) {
            machine.set(HOST_TR_SELECTOR, 0).launch();
        }
        assertThat(names()).containsExactly("entry-failure ENTRY_INVALID_HOST_STATE");
        assertThat(last().fields()).contains(new Text("field", "HOST_TR_SELECTOR"));
    }

    @Test
    void guestStateThatTheEntryRefusesIsExplainedUntilAnEntrySucceeds() {
        try (VmxMachine machine = traced(CPUID)) {
            machine.set(GUEST_CR3, -1).launch();
            assertThat(machine.exitReason()).contains(ExitReason.INVALID_GUEST_STATE);
            String why = processor(machine).vmEntryFailures().orElseThrow().what();
            assertThat(why)
                    .startsWith("exit reason 33, VM-entry failure due to invalid guest state: ")
                    .contains("GUEST_CR3 = 0xFFFFFFFFFFFFFFFF; accepted: below 1 << 46");
            assertThat(processor(machine).vmxRoot().entryFailure().orElseThrow())
                    .startsWith("GUEST_CR3 = ");
            machine.resume();
            assertThat(processor(machine).vmEntryFailures().orElseThrow().what()).isEqualTo(why);
            machine.set(GUEST_CR3, machine.cpu.cr3).launch();
            assertThat(processor(machine).vmxRoot().entryFailure()).isEmpty();
            assertThat(processor(machine).vmEntryFailures().orElseThrow().count()).isEqualTo(2);
        }
        assertThat(names())
                .containsExactly(
                        "entry-failure INVALID_GUEST_STATE",
                        "entry-failure VMRESUME_NON_LAUNCHED",
                        "entry VMLAUNCH",
                        "exit CPUID");
    }

    @Test
    void aRegisterThatTheEntryCannotLoadIsNamed() {
        try (VmxMachine machine = traced(CPUID)) {
            machine.memory.writeLong(VmxMachine.LIST, Msr.IA32_PAT.number());
            machine.memory.writeLong(VmxMachine.LIST + 8, 2);
            machine.set(ENTRY_MSR_LOAD_ADDRESS, VmxMachine.LIST).set(ENTRY_MSR_LOAD_COUNT, 1);
            machine.launch();
            assertThat(machine.exitReason()).contains(ExitReason.MSR_LOADING);
            assertThat(processor(machine).vmEntryFailures().orElseThrow().what())
                    .startsWith("exit reason 34, VM-entry failure due to MSR loading: entry 1 of")
                    .contains("MSR 0x277 (IA32_PAT) = 0x2: WRMSR is #GP with this value");
        }
        assertThat(names()).containsExactly("entry-failure MSR_LOADING");
        assertThat(last().fields())
                .contains(new Number("entry", 1), new Bits("msr", 0x277), new Bits("value", 2));
    }

    @Test
    void anEntryWithoutAVmcsOrInTheWrongLaunchStateIsTold() {
        try (VmxMachine machine = traced(CPUID)) {
            machine.resume();
            machine.host("66 0F C7 30", VmxMachine.VMCS_REGION).launch();
            assertThat(machine.cpu.rflags() & RFlags.CF).isNotZero();
            assertThat(processor(machine).vmEntryFailures().orElseThrow().count()).isEqualTo(2);
            assertThat(processor(machine).vmEntryFailures().orElseThrow().what())
                    .isEqualTo("VM-instruction error 5, VMRESUME with non-launched VMCS");
        }
        assertThat(names())
                .containsExactly(
                        "entry-failure VMRESUME_NON_LAUNCHED", "entry-failure VMFAIL_INVALID");
    }

    @Test
    void anAbortSaysWhichRegisterCouldNotBeLoaded() {
        try (VmxMachine machine = traced(CPUID)) {
            machine.memory.writeLong(VmxMachine.LIST, 0x1234);
            machine.set(EXIT_MSR_LOAD_ADDRESS, VmxMachine.LIST).set(EXIT_MSR_LOAD_COUNT, 1);
            machine.launch();
            assertThat(processor(machine).shutdownReason())
                    .startsWith("VMX abort: Failure on loading host MSRs: entry 1 of the area")
                    .contains("0x1234");
        }
        assertThat(names())
                .containsExactly("entry VMLAUNCH", "exit CPUID", "abort LOADING_HOST_MSRS");
        assertThat(last().fields()).contains(new Bits("msr", 0x1234));
    }

    @Test
    void exitsAreChargedWithWhatTheHypervisorDoesUntilTheNextEntry() {
        try (VmxMachine machine = VmxMachine.guest(CPUID)) {
            machine.launch();
            assertThat(processor(machine).vmExits())
                    .containsExactly(Map.entry(ExitReason.CPUID, new ExitTally(1, 0, 0)));
            // mov ecx, 1000; loop $
            machine.host("B9 E8 03 00 00 E2 FE");
            machine.clock.advanceTo(machine.clock.nanos() + 1_000_000);
            machine.resume();
            ExitTally tally = processor(machine).vmExits().get(ExitReason.CPUID);
            assertThat(tally.count()).isEqualTo(2);
            assertThat(tally.instructions()).isBetween(1001L, 1010L);
            assertThat(tally.nanos()).isEqualTo(1_000_000 + 5 * tally.instructions());
        }
    }

    @Test
    void whatHappensAfterVmxoffIsNobodysCost() {
        try (VmxMachine machine = VmxMachine.guest(CPUID)) {
            machine.launch();
            // vmxoff; mov ecx, 1000; loop $
            machine.host("0F 01 C4 B9 E8 03 00 00 E2 FE");
            machine.host("F3 0F C7 30", VmxMachine.VMXON_REGION);
            machine.host("66 0F C7 30", VmxMachine.VMCS_REGION);
            machine.host("0F C7 30", VmxMachine.VMCS_REGION);
            machine.launch();
            assertThat(processor(machine).vmExits())
                    .containsExactly(Map.entry(ExitReason.CPUID, new ExitTally(2, 0, 0)));
        }
    }

    @Test
    void guestsSeeNothingOfATrace() {
        String code = "B8 23 01 00 00" + CPUID;
        try (VmxMachine watched = traced(code);
                VmxMachine alone = VmxMachine.guest(code)) {
            watched.set(GUEST_CR3, -1).launch();
            alone.set(GUEST_CR3, -1).launch();
            for (VmcsField field : VmcsField.values()) {
                assertThat(watched.get(field)).as(field.name()).isEqualTo(alone.get(field));
            }
            assertThat(watched.clock.nanos()).isEqualTo(alone.clock.nanos());
        }
    }
}
