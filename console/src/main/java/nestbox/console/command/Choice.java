package nestbox.console.command;

import nestbox.console.report.Report;
import nestbox.console.subject.Subject;
import nestbox.console.subject.Vcpu;
import nestbox.console.subject.VcpuState;
import nestbox.console.subject.Vm;
import nestbox.console.subject.VmState;

import java.util.List;
import java.util.Optional;

/// Finds the VM or vCPU that a command names, and tells the user when there is none.
final class Choice {
    private final Subject subject;
    private final Report.Builder report;
    private int vmId;

    Choice(Subject subject, Report.Builder report) {
        this.subject = subject;
        this.report = report;
    }

    /// The VM, unless it is powered off. An id beyond all VMs means VM 0, as the user is told.
    Optional<Vm> vm(int id) {
        vmId = id;
        if (id >= subject.vmLimit()) {
            report.message(
                    "VM ID given exceeds the MAX_VM_NUM(%d), using 0 instead\r\n",
                    subject.vmLimit());
            vmId = 0;
        }
        return subject.vm(vmId).filter(vm -> vm.state() != VmState.POWERED_OFF);
    }

    /// The id that was really used.
    int vmId() {
        return vmId;
    }

    Optional<Vcpu> vcpu(int vmId, int id) {
        Optional<Vm> vm = vm(vmId);
        if (vm.isEmpty()) {
            report.message("No vm found in the input <vm_id, vcpu_id>\r\n");
            return Optional.empty();
        }
        List<Vcpu> vcpus = vm.get().vcpus();
        if (id >= vcpus.size()) {
            report.message("vcpu id is out of range\r\n");
            return Optional.empty();
        }
        if (vcpus.get(id).state() == VcpuState.OFFLINE) {
            report.message("vcpu is offline\r\n");
            return Optional.empty();
        }
        return Optional.of(vcpus.get(id));
    }
}
