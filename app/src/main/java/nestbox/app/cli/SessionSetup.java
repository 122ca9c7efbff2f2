package nestbox.app.cli;

import nestbox.app.board.BoardConfiguration;
import nestbox.app.console.EndpointException;
import nestbox.app.console.EndpointSpec;
import nestbox.app.console.SinkSpec;
import nestbox.app.console.StandardStreams;
import nestbox.app.session.Session;
import nestbox.app.session.Software;
import nestbox.devices.rtc.Rtc;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// From options to a session, with advice where the host can't give what they ask for.
///
/// @param vmConsoles where VMs have their consoles, if not on the terminal
record SessionSetup(
        MachineOptions machine,
        RunOptions run,
        Map<Integer, EndpointSpec> vmConsoles,
        StandardStreams streams) {
    /// For software without consoles of VMs that could be elsewhere.
    SessionSetup(MachineOptions machine, RunOptions run, StandardStreams streams) {
        this(machine, run, Map.of(), streams);
    }

    /// @param defaultMemory RAM when the user doesn't say how much
    Session open(Software software, MemorySize defaultMemory, int processors) {
        long memory = machine.memory.orElse(defaultMemory).bytes();
        refuseSharedFiles();
        Session.Limits limits = new Session.Limits(run.until, run.timeout, !run.noReboot);
        Session.Outputs outputs =
                new Session.Outputs(
                        run.serial2, run.debugConsole, run.virtioConsole, vmConsoles, run.traced());
        try {
            return new Session(
                    streams,
                    software,
                    limits,
                    outputs,
                    sinks ->
                            new BoardConfiguration(
                                    memory,
                                    processors,
                                    machine.model,
                                    machine.disks,
                                    machine.net,
                                    sinks.com1(),
                                    sinks.com2(),
                                    sinks.debugConsole(),
                                    sinks.virtioConsole(),
                                    Rtc.DEFAULT_START,
                                    machine.clock));
        } catch (EndpointException e) {
            throw UserMistake.of(e.getMessage(), e.reason());
        } catch (IOException e) {
            throw explained(e);
        } catch (OutOfMemoryError e) {
            throw new UserMistake(
                    ("This host has no room for a guest with %d MiB of memory: give it"
                                    + " less with --memory.")
                            .formatted(memory >> 20),
                    e);
        }
    }

    /// Two outputs in one file would overwrite each other.
    private void refuseSharedFiles() {
        List<Path> files = new ArrayList<>();
        Stream.concat(
                        Stream.of(run.serial2, run.debugConsole),
                        Stream.concat(run.virtioConsole.stream(), vmConsoles.values().stream()))
                .forEach(spec -> path(spec).ifPresent(files::add));
        run.traceFile.ifPresent(files::add);
        Set<Path> seen = new HashSet<>();
        for (Path file : files) {
            if (!seen.add(file.toAbsolutePath().normalize())) {
                throw new UserMistake(
                        "%s is named for two outputs: name a file or socket of its own for each."
                                .formatted(file));
            }
        }
    }

    private static Optional<Path> path(EndpointSpec spec) {
        return switch (spec) {
            case SinkSpec.ToFile(Path path) -> Optional.of(path);
            case EndpointSpec.Socket(Path path) -> Optional.of(path);
            case SinkSpec _, EndpointSpec.PseudoTerminal _ -> Optional.empty();
        };
    }

    private UserMistake explained(IOException e) {
        boolean trace =
                e instanceof FileSystemException failed
                        && run.traceFile.map(Path::toString).equals(file(failed));
        return trace ? UserMistake.of("Can't write the trace", e) : machine.explained(e);
    }

    private static Optional<String> file(FileSystemException e) {
        return Optional.ofNullable(e.getFile());
    }
}
