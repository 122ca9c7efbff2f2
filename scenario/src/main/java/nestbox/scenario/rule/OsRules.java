package nestbox.scenario.rule;

import static nestbox.scenario.Severity.ERROR;
import static nestbox.scenario.Severity.WARNING;
import static nestbox.scenario.rule.Rule.rule;

import nestbox.scenario.Allocation;
import nestbox.scenario.Edition;
import nestbox.scenario.Scenario;
import nestbox.scenario.Vm;
import nestbox.scenario.Vm.KernelType;
import nestbox.scenario.board.Board;

import java.nio.charset.StandardCharsets;
import java.util.List;

/// What the hypervisor loads into a VM.
final class OsRules {
    // spotless:off
    static final List<Rule> RULES = List.of(
            rule("os.kernel", ERROR, "A VM that the hypervisor starts has a kernel module.", OsRules::kernel),
            rule("os.bootargs", ERROR, "The Service VM's boot arguments are SOS_VM_BOOTARGS, or in v2.7 SERVICE_VM_OS_BOOTARGS.", OsRules::bootArguments),
            rule("os.length", ERROR, "A command line has at most 2048 bytes.", OsRules::length),
            rule("os.address", ERROR, "A kernel that is a raw image has a load address and an entry address.", OsRules::address),
            rule("os.rootfs", WARNING, "The root file system is on a block device of the board.", OsRules::rootDevice));
    // spotless:on

    private static final int MOST = 2048;

    private OsRules() {}

    private static void kernel(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (!vm.isPostLaunched() && vm.os().kernelModule().isEmpty()) {
                report.at(
                        vm.path("os/kernelModule"),
                        "VM \"%s\" has no kernel. Write os_config/kern_mod with the tag of the boot"
                                + " loader's module, such as Linux_bzImage.",
                        vm.name());
            }
        }
    }

    private static void bootArguments(Scenario scenario, Board board, Report report) {
        if (scenario.edition() == Edition.V3) {
            return;
        }
        String wanted =
                scenario.edition() == Edition.V2_5 ? "SOS_VM_BOOTARGS" : "SERVICE_VM_OS_BOOTARGS";
        for (Vm vm : scenario.vms()) {
            String written = vm.os().bootArguments();
            // The other edition's placeholder has its own report.
            if (vm.isService() && !Allocation.isPlaceholder(written)) {
                report.at(
                        vm.path("os/bootArguments"),
                        "The boot arguments of the Service VM are %s. Write %s, and the arguments in"
                                + " board_private/bootargs.",
                        written.isEmpty() ? "missing" : "written out",
                        wanted);
            }
        }
    }

    private static void length(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            int length =
                    Allocation.commandLine(scenario, vm, board)
                            .getBytes(StandardCharsets.UTF_8)
                            .length;
            if (length > MOST) {
                boolean madeUp = Allocation.isPlaceholder(vm.os().bootArguments());
                report.at(
                        vm.path(madeUp ? "board/boardArguments" : "os/bootArguments"),
                        "The command line of VM \"%s\" has %d bytes, more than %d. Shorten it.",
                        vm.name(),
                        length,
                        MOST);
            }
        }
    }

    private static void address(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            if (vm.os().given() && vm.os().kernelType() == KernelType.RAWIMAGE) {
                if (vm.os().loadAddress().isEmpty()) {
                    report.at(
                            vm.path("os/loadAddress"),
                            "The kernel of VM \"%s\" is a raw image. Write its address in"
                                    + " kern_load_addr.",
                            vm.name());
                }
                if (vm.os().entryAddress().isEmpty()) {
                    report.at(
                            vm.path("os/entryAddress"),
                            "The kernel of VM \"%s\" is a raw image. Write where it starts in"
                                    + " kern_entry_addr.",
                            vm.name());
                }
            }
        }
    }

    private static void rootDevice(Scenario scenario, Board board, Report report) {
        for (Vm vm : scenario.vms()) {
            String device = vm.os().rootDevice();
            if (vm.isService()
                    && device.startsWith("/dev/")
                    && !board.blockDevices().isEmpty()
                    && !board.blockDevices().contains(device)) {
                report.at(
                        vm.path("board/rootDevice"),
                        "Board %s has no root file system on %s. It has %s.",
                        board.name(),
                        device,
                        Rules.and(board.blockDevices().stream()));
            }
        }
    }
}
