package nestbox.app.cli;

import picocli.CommandLine.Help;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/// Lists a command's options in its help: those of each shared group under the group's name.
final class OptionSections implements IHelpSectionRenderer {
    private static final String STANDARD = "mixinStandardHelpOptions";

    @Override
    public String render(Help help) {
        return help.commandSpec().mixins().entrySet().stream()
                .map(group -> section(help, group))
                .collect(Collectors.joining());
    }

    private static String section(Help help, Map.Entry<String, CommandSpec> group) {
        boolean standard = group.getKey().equals(STANDARD);
        List<OptionSpec> options = group.getValue().options();
        Help.Layout layout = help.createDefaultLayout();
        layout.addAllOptions(options, help.parameterLabelRenderer());
        String heading = (standard ? "%n" : "%n%s:%n").formatted(group.getKey());
        return heading + layout;
    }
}
