package nestbox.app.cli;

import nestbox.scenario.Allocation.VmPlan;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The VMs of a scenario as options name them, before an equals sign: `vm0=`, or by their names.
///
/// @param vms all of the scenario
record VmNames(List<VmPlan> vms) {
    private static final Pattern NUMBERED = Pattern.compile("vm([0-9]{1,9})=(.*)", Pattern.DOTALL);

    /// What an option says about one VM.
    record Choice(VmPlan vm, String rest) {}

    /// Takes an option's value apart; empty if it isn't about one VM.
    Optional<Choice> choice(String value) {
        Matcher numbered = NUMBERED.matcher(value);
        if (numbered.matches()) {
            return Optional.of(choice(Integer.parseInt(numbered.group(1)), numbered.group(2)));
        }
        return vms.stream()
                .filter(vm -> value.startsWith(vm.vm().name() + "="))
                .filter(vm -> !vm.vm().name().isEmpty())
                .max(Comparator.comparingInt(vm -> vm.vm().name().length()))
                .map(vm -> new Choice(started(vm), value.substring(vm.vm().name().length() + 1)));
    }

    private Choice choice(int number, String rest) {
        return vms.stream()
                .filter(vm -> vm.vm().index() == number)
                .findFirst()
                .map(vm -> new Choice(started(vm), rest))
                .orElseThrow(
                        () ->
                                new UserMistake(
                                        "There is no VM %d in the scenario. %s"
                                                .formatted(number, list())));
    }

    private VmPlan started(VmPlan vm) {
        if (vm.vm().isPostLaunched()) {
            throw new UserMistake(
                    ("VM \"%s\" is a post-launched one, which a device model in the Service VM would"
                                    + " start; it isn't run. %s")
                            .formatted(vm.vm().name(), list()));
        }
        return vm;
    }

    /// The VMs to choose from, for the user.
    String list() {
        return vms.stream()
                .filter(vm -> !vm.vm().isPostLaunched())
                .map(vm -> "vm%d (%s)".formatted(vm.vm().index(), vm.vm().name()))
                .collect(Collectors.joining(", ", "It runs ", "."));
    }
}
