package nestbox.app.cli;

import nestbox.app.console.EndpointSpec;
import nestbox.scenario.Vm;
import nestbox.scenario.Vuart.Transport;

import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// Options that say where VMs have their consoles.
final class ConsoleOptions {
    @Option(
            names = "--console",
            paramLabel = "VM=PLACE",
            description = {
                "Where a VM's console is, in place of the terminal; may be given more than once.",
                "VM: vm0, vm1 and so on, as in vm_list, or its name. PLACE: unix:PATH, a socket that"
                        + " clients can connect to; pty, a terminal whose path is printed; file:PATH,"
                        + " stderr or none, for output only."
            })
    List<String> consoles = new ArrayList<>();

    /// Where the consoles of VMs are to be, by VM.
    Map<Integer, EndpointSpec> places(VmNames names) {
        Map<Integer, EndpointSpec> places = new TreeMap<>();
        for (String text : consoles) {
            VmNames.Choice choice =
                    names.choice(text)
                            .orElseThrow(
                                    () ->
                                            new UserMistake(
                                                    ("--console %s doesn't begin with a VM: write"
                                                                    + " for example vm0=pty. %s")
                                                            .formatted(text, names.list())));
            Vm vm = choice.vm();
            if (!hasConsole(vm)) {
                throw new UserMistake(
                        ("--console %s: VM \"%s\" has no console vUART. Give it a console_vuart, or"
                                        + " a legacy_vuart with id 0, in the scenario (a"
                                        + " post-launched VM the latter).")
                                .formatted(text, vm.name()));
            }
            if (places.put(vm.index(), place(text, choice.rest())) != null) {
                throw new UserMistake(
                        "--console names the console of VM \"%s\" twice: leave one out."
                                .formatted(vm.name()));
            }
        }
        return places;
    }

    /// L0 makes only legacy vUARTs for post-launched VMs.
    private static boolean hasConsole(Vm vm) {
        return vm.vuart(0)
                .filter(port -> !vm.isPostLaunched() || port.transport() == Transport.LEGACY)
                .isPresent();
    }

    private static EndpointSpec place(String text, String place) {
        try {
            return EndpointConverter.read(place);
        } catch (TypeConversionException e) {
            throw new UserMistake("--console %s: %s.".formatted(text, e.getMessage()), e);
        }
    }
}
