package nestbox.console.report;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// A value for programs to read; commands print it when they are asked for JSON.
public sealed interface Json {
    static Json of(String text) {
        return new Text(text);
    }

    static Json of(long number) {
        return new Whole(number);
    }

    static Json of(boolean flag) {
        return new Flag(flag);
    }

    static Json array(List<Json> items) {
        return new Items(items);
    }

    static Json object(Member... members) {
        return object(Arrays.asList(members));
    }

    static Json object(List<Member> members) {
        return new Members(members);
    }

    static Member member(String name, Json value) {
        return new Member(name, value);
    }

    /// A named part of an object.
    record Member(String name, Json value) {}

    /// Written without characters that a terminal or a line reader would take for more than text.
    record Text(String text) implements Json {
        @Override
        public String toString() {
            StringBuilder quoted = new StringBuilder("\"");
            for (int i = 0; i < text.length(); i++) {
                char c = text.charAt(i);
                if (c == '"' || c == '\\') {
                    quoted.append('\\').append(c);
                } else if (Character.isISOControl(c) || Character.isSurrogate(c)) {
                    quoted.append("\\u%04x".formatted((int) c));
                } else {
                    quoted.append(c);
                }
            }
            return quoted.append('"').toString();
        }
    }

    /// A number without a fraction.
    record Whole(long value) implements Json {
        @Override
        public String toString() {
            return Long.toString(value);
        }
    }

    /// True or false.
    record Flag(boolean value) implements Json {
        @Override
        public String toString() {
            return Boolean.toString(value);
        }
    }

    /// An array.
    record Items(List<Json> items) implements Json {
        public Items {
            items = List.copyOf(items);
        }

        @Override
        public String toString() {
            return items.stream().map(Json::toString).collect(Collectors.joining(",", "[", "]"));
        }
    }

    /// An object, its members in the order given.
    record Members(List<Member> members) implements Json {
        public Members {
            members = List.copyOf(members);
        }

        @Override
        public String toString() {
            return members.stream()
                    .map(member -> new Text(member.name()) + ":" + member.value())
                    .collect(Collectors.joining(",", "{", "}"));
        }
    }
}
