package nestbox.app.cli;

import nestbox.app.board.BoardConfiguration;
import nestbox.app.console.StandardStreams;
import nestbox.app.session.Session;
import nestbox.app.session.Software;
import nestbox.devices.rtc.Rtc;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Optional;

/// From options to a session, with advice where the host can't give what they ask for.
record SessionSetup(MachineOptions machine, RunOptions run, StandardStreams streams) {
    /// @param defaultMemory RAM when the user doesn't say how much
    Session open(Software software, MemorySize defaultMemory, int processors) {
        long memory = machine.memory.orElse(defaultMemory).bytes();
        Session.Limits limits = new Session.Limits(run.until, run.timeout, !run.noReboot);
        Session.Outputs outputs =
                new Session.Outputs(run.serial2, run.debugConsole, run.virtioConsole, run.traced());
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
