package nestbox.app.cli;

import nestbox.scenario.Vm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What an option says that is for all VMs, or for one that its value begins with.
///
/// @param byVm what it says of one VM
record PerVm(List<String> all, Map<Integer, List<String>> byVm) {

    /// An option that says one thing of a VM.
    static PerVm one(String option, List<String> values, VmNames names) {
        PerVm read = many(values, names);
        read.byVm.forEach((vm, own) -> refuseTwo(option, "vm%d".formatted(vm), own));
        refuseTwo(option, "all VMs", read.all);
        return read;
    }

    /// An option that can say several things.
    static PerVm many(List<String> values, VmNames names) {
        List<String> all = new ArrayList<>();
        Map<Integer, List<String>> byVm = new HashMap<>();
        for (String value : values) {
            Optional<VmNames.Choice> choice = names.choice(value);
            if (choice.isPresent()) {
                refusePostLaunched(choice.get().vm(), value);
                byVm.computeIfAbsent(choice.get().vm().index(), _ -> new ArrayList<>())
                        .add(choice.get().rest());
            } else {
                all.add(value);
            }
        }
        return new PerVm(all, byVm);
    }

    private static void refusePostLaunched(Vm vm, String value) {
        if (vm.isPostLaunched()) {
            throw new UserMistake(
                    ("%s: VM \"%s\" is post-launched, and its device model in the Service VM says what"
                                    + " it boots. Leave this out.")
                            .formatted(value, vm.name()));
        }
    }

    private static void refuseTwo(String option, String whom, List<String> values) {
        if (values.size() > 1) {
            throw new UserMistake(
                    "%s is there twice for %s: leave one out, or say which VM it is for, as in %s vm1=%s."
                            .formatted(option, whom, option, values.getLast()));
        }
    }

    /// What is said of this VM alone.
    List<String> own(Vm vm) {
        return byVm.getOrDefault(vm.index(), List.of());
    }

    /// What goes for this VM.
    List<String> of(Vm vm) {
        return byVm.getOrDefault(vm.index(), all);
    }
}
