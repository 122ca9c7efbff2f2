package nestbox.conformance.oracle;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/// The host's own processor, reached through a small C program that is built on the spot.
final class HostProcessor implements Engine {
    private static final int BATCH = 8192;
    private static final Path SOURCE = Path.of("src", "test", "c", "oracle.c");
    private static final Path BUILD = Path.of("target", "oracle");

    private final Process process;
    private final OutputStream requests;
    private final DataInputStream answers;

    private HostProcessor(Process process) {
        this.process = process;
        requests = process.getOutputStream();
        answers = new DataInputStream(process.getInputStream());
    }

    /// @return why this host can't be asked, or nothing when it can
    static Optional<String> obstacle() {
        String architecture = System.getProperty("os.arch");
        if (!architecture.equals("amd64")) {
            return Optional.of("the host's processor is " + architecture + ", not x86-64");
        }
        if (!System.getProperty("os.name").equals("Linux")) {
            return Optional.of("the helper needs Linux signals");
        }
        for (String directory : System.getenv().getOrDefault("PATH", "").split(":")) {
            if (Files.isExecutable(Path.of(directory, "gcc"))) {
                return Optional.empty();
            }
        }
        return Optional.of("there is no gcc to build the helper with");
    }

    static HostProcessor start() throws IOException, InterruptedException {
        Files.createDirectories(BUILD);
        Path program = BUILD.resolve("oracle");
        List<String> compile = new ArrayList<>(List.of("gcc", "-std=gnu11", "-O2", "-Wall"));
        compile.addAll(List.of("-Wextra", "-Werror", "-fno-stack-protector", "-mfsgsbase"));
        compile.addAll(List.of("-fcf-protection=none", "-o", program.toString()));
        compile.add(SOURCE.toString());
        Process compiler = new ProcessBuilder(compile).inheritIO().start();
        if (compiler.waitFor() != 0) {
            throw new IllegalStateException("gcc cannot build " + SOURCE);
        }
        ProcessBuilder builder = new ProcessBuilder(program.toAbsolutePath().toString());
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        return new HostProcessor(builder.start());
    }

    @Override
    public State run(Case test) {
        return runAll(List.of(test)).getFirst();
    }

    @Override
    public List<State> runAll(List<Case> tests) {
        List<State> results = new ArrayList<>(tests.size());
        for (int from = 0; from < tests.size(); from += BATCH) {
            runBatch(tests.subList(from, Math.min(from + BATCH, tests.size())), results);
        }
        return results;
    }

    private void runBatch(List<Case> tests, List<State> results) {
        byte[] buffer = new byte[4 + tests.size() * State.SIZE];
        for (int i = 0; i < 4; i++) {
            buffer[i] = (byte) (tests.size() >> 8 * i);
        }
        for (int i = 0; i < tests.size(); i++) {
            tests.get(i).before().writeTo(buffer, 4 + i * State.SIZE);
        }
        try {
            requests.write(buffer);
            requests.flush();
            answers.readFully(buffer);
        } catch (IOException e) {
            throw new UncheckedIOException(ended(), e);
        }
        for (int i = 0; i < tests.size(); i++) {
            results.add(State.copyOf(buffer, 4 + i * State.SIZE));
        }
    }

    private String ended() {
        return process.isAlive() ? "the helper" : "the helper ended with " + process.exitValue();
    }

    @Override
    public void close() {
        try {
            requests.close();
            if (!process.waitFor(1, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (IOException | InterruptedException e) {
            process.destroyForcibly();
        }
    }
}
