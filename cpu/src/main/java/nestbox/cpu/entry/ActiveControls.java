package nestbox.cpu.entry;

import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.VmxControl;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The control words in force while a guest runs, read from the VMCS once: a word that isn't
/// activated counts as 0.
public final class ActiveControls {
    private static final ControlWord[] WORDS = ControlWord.values();
    private static final List<Optional<VmxControl>> ACTIVATIONS =
            Arrays.stream(WORDS).map(ControlWord::activation).toList();

    private final long[] words = new long[WORDS.length];

    /// Takes the words from a VMCS.
    public void load(VmcsView vmcs) {
        for (ControlWord word : WORDS) {
            words[word.ordinal()] = isActive(word) ? vmcs.read(word.field()) : 0;
        }
    }

    /// Back to nothing, as outside VMX non-root operation.
    public void clear() {
        Arrays.fill(words, 0);
    }

    /// Whether a control is 1 and its word is activated. Words follow those that activate them.
    public boolean on(VmxControl control) {
        return (words[control.word().ordinal()] & control.mask()) != 0;
    }

    public boolean isActive(ControlWord word) {
        Optional<VmxControl> activation = ACTIVATIONS.get(word.ordinal());
        return activation.isEmpty() || on(activation.get());
    }

    /// A word, 0 if it isn't activated.
    public long word(ControlWord word) {
        return words[word.ordinal()];
    }
}
