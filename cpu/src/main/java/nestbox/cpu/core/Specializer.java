package nestbox.cpu.core;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.HashMap;
import java.util.Map;

/// Makes copies of a handler class, each with other constants.
///
/// A handler for every width and operand form in one class would look at both each time it runs;
/// one class for each would be hundreds of copies by hand. So a *template* is written once, reads
/// its parameters from `static final` fields that come from class data, and is loaded anew (as a
/// hidden class) for each combination. The just-in-time compiler folds the constants.
public final class Specializer {
    private static final Map<Key, Handler> COPIES = new HashMap<>();

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

    private record Key(Class<?> template, Object parameters) {}

    private Specializer() {}

    /// The copy of a template for some parameters, made when it is first asked for.
    ///
    /// @param lookup of the template's package
    /// @param parameters what [#parameters] gives to the copy's static initializer; equal
    ///     parameters name the same copy
    public static synchronized Handler copy(
            MethodHandles.Lookup lookup, Class<? extends Handler> template, Object parameters) {
        return COPIES.computeIfAbsent(
                new Key(template, parameters), key -> make(lookup, template, parameters));
    }

    private static Handler make(
            MethodHandles.Lookup lookup, Class<? extends Handler> template, Object parameters) {
        try {
            MethodHandles.Lookup copy =
                    lookup.defineHiddenClassWithClassData(BYTES.get(template), parameters, true);
            return (Handler)
                    copy.findConstructor(copy.lookupClass(), MethodType.methodType(void.class))
                            .invoke();
        } catch (Throwable impossible) {
            throw new AssertionError("template " + template, impossible);
        }
    }

    /// For the static initializer of a template: what its copy was made with.
    public static <T> T parameters(MethodHandles.Lookup self, Class<T> type) {
        try {
            return MethodHandles.classData(self, ConstantDescs.DEFAULT_NAME, type);
        } catch (IllegalAccessException impossible) {
            throw new AssertionError(impossible);
        }
    }
}
