package nestbox.cpu.vmx;

import static nestbox.x86.vmx.VmcsField.*;

import nestbox.cpu.entry.Explanation;
import nestbox.platform.Clock;
import nestbox.platform.trace.TraceEvent;
import nestbox.platform.trace.TraceField;
import nestbox.platform.trace.TraceListener;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmxAbort;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Tells a listener about VM entries and VM exits.
final class VmxTrace implements VmxWatch {
    private static final String SOURCE = "vmx";

    private final Vmx vmx;
    private final Clock clock;
    private final TraceListener listener;

    VmxTrace(Vmx vmx, Clock clock, TraceListener listener) {
        this.vmx = vmx;
        this.clock = clock;
        this.listener = listener;
    }

    private long get(VmcsField field) {
        return vmx.vmcs().read(field);
    }

    private void tell(String kind, String name, List<TraceField> fields) {
        int processor = vmx.cpu.number;
        listener.happened(new TraceEvent(clock.nanos(), processor, SOURCE, kind, name, fields));
    }

    private TraceField vmcs() {
        return new TraceField.Bits("vmcs", vmx.currentPointer());
    }

    @Override
    public void entering(boolean launch) {
        List<TraceField> fields = new ArrayList<>();
        fields.add(new TraceField.Bits("rip", get(GUEST_RIP)));
        ExitDetails.event(
                "event",
                get(ENTRY_INTERRUPTION_INFORMATION),
                get(ENTRY_EXCEPTION_ERROR_CODE),
                fields);
        fields.add(vmcs());
        tell("entry", launch ? "VMLAUNCH" : "VMRESUME", fields);
    }

    @Override
    public void exiting() {
        ExitInformation exit = vmx.exit;
        List<TraceField> fields = new ArrayList<>();
        fields.add(new TraceField.Bits("rip", vmx.cpu.rip()));
        fields.add(new TraceField.Number("length", get(EXIT_INSTRUCTION_LENGTH)));
        fields.add(new TraceField.Bits("qualification", exit.qualification));
        ExitDetails.of(exit, vmx.cpu, fields);
        ExitDetails.event("event", exit.interruption, exit.errorCode, fields);
        ExitDetails.event(
                "vectoring", get(IDT_VECTORING_INFORMATION), get(IDT_VECTORING_ERROR_CODE), fields);
        fields.add(vmcs());
        tell("exit", exit.reason.name(), fields);
    }

    @Override
    public void entryFailed(FailedEntry failure) {
        List<TraceField> fields = new ArrayList<>();
        fields.add(new TraceField.Text("result", failure.sight()));
        failure.why().map(Explanation::fields).ifPresent(fields::addAll);
        fields.add(vmcs());
        tell("entry-failure", failure.name(), fields);
    }

    @Override
    public void aborting(VmxAbort abort, Optional<Explanation> why) {
        List<TraceField> fields = new ArrayList<>();
        fields.add(new TraceField.Text("result", abort.title()));
        why.map(Explanation::fields).ifPresent(fields::addAll);
        fields.add(vmcs());
        tell("abort", abort.name(), fields);
    }
}
