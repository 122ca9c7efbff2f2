package nestbox.images.apt;

import nestbox.images.ImageException;
import nestbox.images.ProgressListener;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Asks the machine's own apt for packages without touching the machine.
///
/// apt knows where packages come from, checks who signed them, and copes with mirrors and
/// proxies; none of that is worth doing twice. Here it runs as an ordinary user, with lists, cache
/// and package status in a folder of its own. The status is that of a machine with nothing
/// installed, so dependencies come out the same everywhere.
public final class Apt {
    private static final Pattern INSTALL = Pattern.compile("Inst (\\S+) .*?\\((\\S+) .*");
    private static final Pattern FILE =
            Pattern.compile("'[^']*' ([^\\s/]+) (\\d+) (SHA256|SHA512):([0-9a-f]+)");
    private static final Pattern KERNEL = Pattern.compile("(linux-image-\\d[^\\s,|]*)");

    private final Path home;
    private final Path config;
    private final ProgressListener progress;
    private Optional<Command> lastUpdate = Optional.empty();

    private Apt(Path home, ProgressListener progress) {
        this.home = home;
        this.config = home.resolve("apt.conf");
        this.progress = progress;
    }

    /// @param home a folder for apt's private state, made if it is not there
    public static Apt in(Path home, ProgressListener progress) throws IOException {
        Apt apt = new Apt(home.toAbsolutePath(), progress);
        apt.prepare();
        return apt;
    }

    /// Fetches the lists of packages anew.
    public void update() {
        progress.step("Reading the package lists (apt-get update)");
        // Its status is of no interest: a source that is down matters only if a package is missed.
        lastUpdate = Optional.of(run("apt-get", "-q", "update"));
    }

    /// True once the lists have been fetched by this object, so that fetching them again won't
    /// help.
    public boolean updated() {
        return lastUpdate.isPresent();
    }

    /// Packages and all that they depend on, as if nothing were installed.
    public List<AptPackage> withDependencies(List<String> names) {
        return updatingIfNeeded("the packages " + String.join(", ", names), () -> closure(names));
    }

    /// The package that a kernel metapackage stands for, alone: a guest needs none of the
    /// programs that a kernel depends on to be installed.
    public AptPackage kernel(String metapackage) {
        return updatingIfNeeded("the package " + metapackage, () -> concrete(metapackage));
    }

    /// Downloads packages into a folder, each under its [AptPackage#fileName].
    public void download(List<AptPackage> packages, Path folder) {
        progress.step(
                "Downloading %d packages, %.1f MB"
                        .formatted(
                                packages.size(),
                                packages.stream().mapToLong(AptPackage::size).sum() / 1e6));
        List<String> arguments = new ArrayList<>(List.of("apt-get", "-q", "download"));
        packages.forEach(p -> arguments.add(p.name() + "=" + version(p)));
        Command done = run(folder, arguments);
        if (!done.ok()) {
            throw failed("download packages", done);
        }
    }

    private <T> T updatingIfNeeded(String what, Supplier<Answer<T>> lookUp) {
        Answer<T> answer = lookUp.get();
        if (answer.value().isEmpty() && lastUpdate.isEmpty()) {
            update();
            answer = lookUp.get();
        }
        Command last = answer.last();
        return answer.value()
                .orElseThrow(
                        () ->
                                lastUpdate
                                        .filter(update -> !update.errors().isBlank())
                                        .map(update -> failed("read the package lists", update))
                                        .orElseGet(() -> failed("find " + what, last)));
    }

    /// What a question came to, and the command that answered it last.
    private record Answer<T>(Optional<T> value, Command last) {}

    private Answer<List<AptPackage>> closure(List<String> names) {
        List<String> simulate = new ArrayList<>(List.of("apt-get", "-qq", "-s", "install"));
        simulate.addAll(names);
        Command simulated = run(home, simulate);
        if (!simulated.ok()) {
            return new Answer<>(Optional.empty(), simulated);
        }
        List<String> versions = new ArrayList<>();
        for (String line : simulated.output().lines().toList()) {
            Matcher install = INSTALL.matcher(line);
            if (install.matches()) {
                versions.add(install.group(1) + "=" + install.group(2));
            }
        }
        return files(versions);
    }

    private Answer<AptPackage> concrete(String metapackage) {
        Command shown = run("apt-cache", "show", "--no-all-versions", metapackage);
        Optional<String> kernel =
                shown.output()
                        .lines()
                        .filter(line -> line.startsWith("Depends:"))
                        .map(KERNEL::matcher)
                        .filter(Matcher::find)
                        .map(depends -> depends.group(1))
                        .findFirst();
        if (kernel.isEmpty()) {
            return new Answer<>(Optional.empty(), shown);
        }
        Answer<List<AptPackage>> files = files(List.of(kernel.get()));
        return new Answer<>(files.value().map(List::getFirst), files.last());
    }

    /// What the files of some packages are called and what is in them.
    private Answer<List<AptPackage>> files(List<String> packages) {
        List<String> arguments =
                new ArrayList<>(List.of("apt-get", "-qq", "--print-uris", "download"));
        arguments.addAll(packages);
        Command printed = run(home, arguments);
        List<AptPackage> files = new ArrayList<>();
        for (String line : printed.output().lines().toList()) {
            Matcher file = FILE.matcher(line);
            if (file.matches()) {
                files.add(
                        new AptPackage(
                                file.group(1).replaceFirst("_.*", ""),
                                file.group(1),
                                file.group(3).replace("SHA", "SHA-"),
                                file.group(4),
                                Long.parseLong(file.group(2))));
            }
        }
        boolean complete = printed.ok() && !files.isEmpty() && files.size() == packages.size();
        return new Answer<>(complete ? Optional.of(List.copyOf(files)) : Optional.empty(), printed);
    }

    private static String version(AptPackage p) {
        return p.fileName().split("_")[1].replace("%3a", ":");
    }

    private Command run(String... arguments) {
        return run(home, List.of(arguments));
    }

    private Command run(Path folder, List<String> arguments) {
        List<String> command = new ArrayList<>(arguments);
        command.addAll(1, List.of("-c", config.toString()));
        return Command.run(command, folder);
    }

    private ImageException failed(String what, Command command) {
        String advice =
                command.errors().contains("No space left on device")
                        ? "Make room for " + home + ", or name another folder in NESTBOX_CACHE."
                        : "Check the network and the package sources in /etc/apt, then try again.";
        return new ImageException(
                "Can't %s: %s. %s"
                        .formatted(what, command.complaint().replaceFirst("\\.$", ""), advice));
    }

    private void prepare() throws IOException {
        if (home.toString().contains("\"")) {
            throw new ImageException(
                    "apt can't work in a folder with a quote in its name: name another than "
                            + home
                            + " in NESTBOX_CACHE.");
        }
        for (String folder : List.of("lists/partial", "cache/archives/partial", "state", "log")) {
            Files.createDirectories(home.resolve(folder));
        }
        Path status = home.resolve("state/status");
        if (!Files.exists(status)) {
            Files.createFile(status);
        }
        Files.writeString(config, configuration());
    }

    /// Hooks of the machine are cleared, since they act on the machine; of a source's indexes
    /// only the packages are wanted.
    private String configuration() {
        String cleared =
                Stream.of(
                                "APT::Update::Pre-Invoke",
                                "APT::Update::Post-Invoke",
                                "APT::Update::Post-Invoke-Success",
                                "DPkg::Pre-Install-Pkgs",
                                "APT::Architectures",
                                "Acquire::IndexTargets::deb::Contents-deb",
                                "Acquire::IndexTargets::deb::DEP-11",
                                "Acquire::IndexTargets::deb-src::Contents-dsc")
                        .map(key -> "#clear " + key + ";\n")
                        .reduce("", String::concat);
        return cleared
                + """
                Dir::State "%1$s/state";
                Dir::State::Lists "%1$s/lists";
                Dir::State::status "%1$s/state/status";
                Dir::State::extended_states "%1$s/state/extended_states";
                Dir::Cache "%1$s/cache";
                Dir::Log "%1$s/log";
                APT::Architecture "amd64";
                APT::Architectures { "amd64"; };
                APT::Install-Recommends "false";
                APT::Sandbox::User "root";
                Acquire::Languages "none";
                Acquire::Retries "2";
                """
                        .formatted(home);
    }
}
