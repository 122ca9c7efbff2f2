package nestbox.app.cli;

import nestbox.scenario.Vm;

import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// Options that say what the VMs of a scenario boot: all of them, or the one that is named before
/// an equals sign.
final class VmGuestOptions {
    static final String NESTING_GUEST = "kvm";

    private static final String PLAIN_GUEST = "login";
    private static final String KERNEL = "--kernel";
    private static final String INITRD = "--initrd";
    private static final String APPEND = "--append";
    private static final String GUEST = "--guest";

    @Option(
            names = KERNEL,
            paramLabel = "[VM=]FILE",
            description = {
                GuestOptions.KERNEL,
                "These options are for all VMs, or for the one named, such as vm1=bzImage; they may be"
                        + " given more than once."
            })
    List<String> kernels = new ArrayList<>();

    @Option(names = INITRD, paramLabel = "[VM=]FILE", description = GuestOptions.INITRD)
    List<String> initrds = new ArrayList<>();

    @Option(
            names = APPEND,
            paramLabel = "[VM=]TEXT",
            description = "Kernel command line, behind what the scenario says.")
    List<String> appends = new ArrayList<>();

    @Option(
            names = "--module",
            paramLabel = "[VM=]'FILE[ ARGUMENTS]'",
            description = GuestOptions.MODULE)
    List<String> modules = new ArrayList<>();

    @Option(
            names = GUEST,
            paramLabel = "[VM=]NAME",
            description = {
                GuestOptions.GUEST,
                "Default: kvm for the Service VM and for VMs that may run guests, login for others."
            })
    List<String> guests = new ArrayList<>();

    /// What the VMs are to boot that L0 starts, by VM.
    Map<Integer, GuestChoice> choices(VmNames names) {
        Values values =
                new Values(
                        PerVm.one(KERNEL, kernels, names),
                        PerVm.one(INITRD, initrds, names),
                        PerVm.one(APPEND, appends, names),
                        PerVm.many(modules, names),
                        PerVm.one(GUEST, guests, names));
        return names.started().stream().collect(Collectors.toMap(Vm::index, values::choice));
    }

    private record Values(PerVm kernel, PerVm initrd, PerVm append, PerVm module, PerVm guest) {
        /// A VM with a kernel or a guest of its own gets no RAM disk and no modules that belong to
        /// the kernel for all.
        GuestChoice choice(Vm vm) {
            if (!kernel.own(vm).isEmpty() || !guest.own(vm).isEmpty()) {
                return choice(vm, kernel.own(vm), initrd.own(vm), module.own(vm), guest.own(vm));
            }
            boolean said = !kernel.all().isEmpty() || !guest.all().isEmpty();
            List<String> builtIn = said ? guest.all() : List.of(standard(vm));
            return choice(vm, kernel.all(), initrd.of(vm), module.of(vm), builtIn);
        }

        private GuestChoice choice(
                Vm vm,
                List<String> kernel,
                List<String> initrd,
                List<String> modules,
                List<String> guest) {
            return new GuestChoice(
                    kernel.stream().findFirst().map(Path::of),
                    initrd.stream().findFirst().map(Path::of),
                    append.of(vm).stream().findFirst(),
                    modules,
                    guest.stream().findFirst());
        }

        private static String standard(Vm vm) {
            return vm.isService() || vm.nested() ? NESTING_GUEST : PLAIN_GUEST;
        }
    }
}
