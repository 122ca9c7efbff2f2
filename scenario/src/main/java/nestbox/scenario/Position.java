package nestbox.scenario;

/// A place in a text file, counted from 1 in lines and characters, as editors count.
public record Position(int line, int column) implements Comparable<Position> {
    /// Where a file begins, which stands for the file as a whole.
    public static final Position START = new Position(1, 1);

    @Override
    public int compareTo(Position other) {
        return line != other.line
                ? Integer.compare(line, other.line)
                : Integer.compare(column, other.column);
    }
}
