package io.peerloom.bench;

/**
 * What was counted in the window of one measurement. CPU times are those that the system counts for
 * the process, in /proc/PID/stat on Linux, in steps of 10 ms.
 *
 * @param messages that came back
 * @param nanos the window's true length
 * @param subjectCpuNanos CPU time of what is measured
 * @param otherCpuNanos CPU time of the other side
 * @param starved how many connections got nothing back in the window
 * @param total messages that came back in the whole run, all that were sent
 * @param allocated bytes that what is measured allocated; -1 if that is not known
 */
record Result(
        long messages,
        long nanos,
        long subjectCpuNanos,
        long otherCpuNanos,
        int starved,
        long total,
        long allocated) {
    @Override
    public String toString() {
        return "%d %d %d %d %d %d %d"
                .formatted(
                        messages, nanos, subjectCpuNanos, otherCpuNanos, starved, total, allocated);
    }

    static Result parse(String line) {
        String[] fields = line.split(" ");
        return new Result(
                Long.parseLong(fields[0]),
                Long.parseLong(fields[1]),
                Long.parseLong(fields[2]),
                Long.parseLong(fields[3]),
                Integer.parseInt(fields[4]),
                Long.parseLong(fields[5]),
                Long.parseLong(fields[6]));
    }

    Result withAllocated(long bytes) {
        return new Result(messages, nanos, subjectCpuNanos, otherCpuNanos, starved, total, bytes);
    }

    double perSecond() {
        return messages * 1e9 / nanos;
    }

    double microsPerMessage() {
        return subjectCpuNanos / 1e3 / messages;
    }

    double allocatedPerMessage() {
        return allocated < 0 ? Double.NaN : (double) allocated / messages;
    }

    /** The part of one core that what is measured had. */
    double subjectShare() {
        return (double) subjectCpuNanos / nanos;
    }

    /** The part of one core that the other side had; near 1 it is itself what is measured. */
    double otherShare() {
        return (double) otherCpuNanos / nanos;
    }
}
