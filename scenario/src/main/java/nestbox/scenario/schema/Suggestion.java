package nestbox.scenario.schema;

import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/// Finds the word that someone probably meant.
final class Suggestion {
    private static final int LONGEST = 64;

    private Suggestion() {}

    /// The nearest of some words, if it is near enough: a third of the letters may differ. Case and
    /// the kind of separator don't count.
    static Optional<String> of(String wrong, Collection<String> words) {
        if (wrong.isEmpty() || wrong.length() > LONGEST) {
            return Optional.empty();
        }
        String best = "";
        int least = Math.max(1, wrong.length() / 3) + 1;
        for (String word : words) {
            int distance = distance(plain(wrong), plain(word));
            if (distance < least) {
                least = distance;
                best = word;
            }
        }
        return best.isEmpty() ? Optional.empty() : Optional.of(best);
    }

    private static String plain(String word) {
        return word.toLowerCase(Locale.ROOT).replace('-', '_').replace(' ', '_');
    }

    /// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the
    /// other.
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            d[i][0] = i;
        }
        for (int j = 0; j <= b.length(); j++) {
            d[0][j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            for (int j = 1; j <= b.length(); j++) {
                int replaced = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                d[i][j] =
                        Math.min(
                                Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + replaced);
                if (i > 1
                        && j > 1
                        && a.charAt(i - 1) == b.charAt(j - 2)
                        && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
