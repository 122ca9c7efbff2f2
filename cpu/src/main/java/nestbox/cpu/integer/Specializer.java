package nestbox.cpu.integer;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;
import nestbox.cpu.core.Handler;

/// Makes copies of a handler class, each with other constants.
///
/// A handler for every width and operand form in one class would look at both each time it runs;
/// one class for each would be hundreds of copies by hand. So a *template* is written once, reads
/// its parameters from `static final` fields that come from class data, and is loaded anew (as a
/// hidden class) for each combination. The just-in-time compiler folds the constants.
final class Specializer {
    private static final MethodHandles.Lookup LOOKUP = MethodHandles.lookup();

    private Specializer() {}

    /// A new copy of a template.
    ///
    /// @param parameters what [#parameters] gives to the copy's static initializer
    static Handler copy(Class<? extends Handler> template, Object parameters) {
        try {
            Class<?> copy =
                    LOOKUP.defineHiddenClassWithClassData(bytes(template), parameters, true)
                            .lookupClass();
            return (Handler)
                    LOOKUP.in(copy)
                            .findConstructor(
                                    copy, java.lang.invoke.MethodType.methodType(void.class))
                            .invoke();
        } catch (Throwable impossible) {
            throw new AssertionError("template " + template, impossible);
        }
    }

    /// For the static initializer of a template: what its copy was made with.
    static <T> T parameters(MethodHandles.Lookup self, Class<T> type) {
        try {
            return MethodHandles.classData(self, ConstantDescs.DEFAULT_NAME, type);
        } catch (IllegalAccessException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static final ClassValue<byte[]> BYTES =
            new ClassValue<>() {
                @Override
                protected byte[] computeValue(Class<?> type) {
                    String name = type.getSimpleName() + ".class";
                    try (InputStream in = type.getResourceAsStream(name)) {
                        return in.readAllBytes();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            };

    private static byte[] bytes(Class<?> template) {
        return BYTES.get(template);
    }
}
