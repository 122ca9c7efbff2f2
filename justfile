# What one does with this tree. Each line is a command that works without just, too.

# Java sources in the project's format
fmt:
    mvn -q -B -ntp -N -P lint -Dformat.mode=write initialize exec:exec@format

# build everything and run all tests
test:
    mvn -B -ntp verify

# the same under Error Prone, and with a look at the format
lint:
    mvn -B -ntp -P lint verify

# Nestbox next to QEMU and Bochs; arguments choose what
bench *arguments:
    bench/run {{arguments}}

# boot a guest
boot *arguments:
    ./nestbox boot {{arguments}}
