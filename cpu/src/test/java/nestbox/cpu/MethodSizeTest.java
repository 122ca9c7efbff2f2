package nestbox.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.core.Cpu;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// HotSpot never compiles a method of 8,000 bytes of byte code or more, and inlines a hot one only
/// below 325 (its HugeMethodLimit and FreqInlineSize). What runs for every instruction must stay
/// below.
class MethodSizeTest {
    private static final int HUGE = 8_000;
    private static final int LARGEST_INLINED = 325;

    /// Registers, flags, operands, memory accesses and the arithmetic that handlers call.
    private static final Set<String> HOT_CLASSES =
            Set.of(
                    "nestbox/cpu/core/StateBlock",
                    "nestbox/cpu/core/LinearMemory",
                    "nestbox/cpu/core/Cpu",
                    "nestbox/cpu/core/Block",
                    "nestbox/cpu/integer/Arithmetic",
                    "nestbox/cpu/integer/Operands",
                    "nestbox/cpu/paging/TlbContext");

    private static final String TEMPLATE = "Template";

    private static final Set<String> HOT_METHODS =
            Set.of(
                    "nestbox/cpu/core/Interpreter.run",
                    "nestbox/cpu/core/Interpreter.next",
                    "nestbox/cpu/core/Interpreter.lookUp",
                    "nestbox/cpu/core/Interpreter.execute");

    private record Method(String type, String name, int size) {
        String fullName() {
            return type + "." + name;
        }

        boolean isHot() {
            return HOT_CLASSES.contains(type)
                    || type.endsWith(TEMPLATE)
                    || HOT_METHODS.contains(fullName());
        }

        @Override
        public String toString() {
            return "%s: %d bytes".formatted(fullName(), size);
        }
    }

    @Test
    void everyMethodIsCompiled() throws Exception {
        assertThat(methods()).noneMatch(method -> method.size >= HUGE);
    }

    @Test
    void hotMethodsAreInlined() throws Exception {
        List<Method> hot =
                methods().stream()
                        .filter(method -> method.isHot() && !method.name.startsWith("<"))
                        .toList();
        assertThat(hot.stream().map(Method::type)).containsAll(HOT_CLASSES);
        assertThat(hot.stream().map(Method::fullName)).containsAll(HOT_METHODS);
        assertThat(hot).noneMatch(method -> method.size >= LARGEST_INLINED);
    }

    private static List<Method> methods() throws IOException, URISyntaxException {
        Path classes =
                Path.of(Cpu.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (Stream<Path> files = Files.walk(classes)) {
            return files.filter(file -> file.toString().endsWith(".class"))
                    .flatMap(MethodSizeTest::methods)
                    .toList();
        }
    }

    private static Stream<Method> methods(Path file) {
        try {
            ClassModel type = ClassFile.of().parse(file);
            String name = type.thisClass().asInternalName();
            return type.methods().stream().flatMap(method -> method(name, method).stream());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Optional<Method> method(String type, MethodModel method) {
        return method.findAttribute(Attributes.code())
                .map(
                        code ->
                                new Method(
                                        type,
                                        method.methodName().stringValue(),
                                        code.codeLength()));
    }
}
