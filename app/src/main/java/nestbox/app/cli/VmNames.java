package nestbox.app.cli;

import nestbox.scenario.Vm;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// The VMs of a scenario as options name them, before an equals sign: `vm0=`, or by their names.
///
/// @param vms all of the scenario
record VmNames(List<Vm> vms) {
    private static final Pattern NUMBERED = Pattern.compile("vm([0-9]{1,9})=(.*)", Pattern.DOTALL);

    /// What an option says about one VM.
    record Choice(Vm vm, String rest) {}

    /// Those that L0 starts.
    List<Vm> started() {
        return vms.stream().filter(vm -> !vm.isPostLaunched()).toList();
    }

    /// Takes an option's value apart; empty if it isn't about one VM.
    Optional<Choice> choice(String value) {
        Matcher numbered = NUMBERED.matcher(value);
        if (numbered.matches()) {
            return Optional.of(choice(Integer.parseInt(numbered.group(1)), numbered.group(2)));
        }
        return vms.stream()
                .filter(vm -> value.startsWith(vm.name() + "="))
                .filter(vm -> !vm.name().isEmpty())
                .max(Comparator.comparingInt(vm -> vm.name().length()))
                .map(vm -> new Choice(vm, value.substring(vm.name().length() + 1)));
    }

    private Choice choice(int number, String rest) {
        return vms.stream()
                .filter(vm -> vm.index() == number)
                .findFirst()
                .map(vm -> new Choice(vm, rest))
                .orElseThrow(
                        () ->
                                new UserMistake(
                                        "There is no VM %d in the scenario. %s"
                                                .formatted(number, list())));
    }

    /// The VMs to choose from, for the user.
    String list() {
        return vms.stream()
                .map(vm -> "vm%d (%s)".formatted(vm.index(), vm.name()))
                .collect(Collectors.joining(", ", "It has ", "."));
    }
}
