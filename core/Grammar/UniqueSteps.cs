using System.Numerics;

namespace Engine.Grammar;

/// <summary>
/// Steps through networks in which items of some arrays have to differ: the network remembers what fits wherever the
/// same is open, and <see cref="JsonScan"/> what this text has had. Where a byte completes an item that there has been,
/// the way through the end of the item is closed. What could then only be completed by a repetition counts as not
/// fitting, as far as can be seen within some steps.
/// </summary>
internal static class UniqueSteps
{
    // Steps tried to find out whether an item may still become another than those before it.
    private const int MaxOutlook = 10_000;
    private const int MaxOutlookDepth = 200;

    private const ulong White = 1ul << ' ' | 1ul << '\t' | 1ul << '\n' | 1ul << '\r';

    /// <summary>What is open after some bytes; null if nothing is, or the work budget is spent.</summary>
    public static PositionSet? Step(Network network, PositionSet from, ReadOnlySpan<byte> text)
    {
        int at = network.Enter(from, out StepTables tables);
        JsonScan scan = from.Scan;
        foreach (byte value in text)
        {
            if (!TryStep(network, ref tables, ref at, value, ref scan, mayForget: true))
            {
                return null;
            }
        }

        if (!MayGoOn(network, tables, at, scan))
        {
            return null;
        }

        PositionSet known = network.Handle(tables, at);
        return scan.IsActive ? new PositionSet(known, scan) : known;
    }

    /// <summary>Whether the item under way, if there is one, may be completed as one that there has not been.</summary>
    public static bool MayGoOn(Network network, StepTables tables, int at, in JsonScan scan)
    {
        int left = MaxOutlook;
        return !(scan.MayRepeat || scan.IsRepeated)
            || MayDiffer(network, tables, at, scan, scan.Finished, MaxOutlookDepth, ref left);
    }

    /// <summary>One byte; false if it does not fit, or the work budget is spent.</summary>
    public static bool TryStep(
        Network network, ref StepTables tables, ref int at, byte value, ref JsonScan scan, bool mayForget) =>
        TryStep(network, ref tables, ref at, value, ref scan, mayForget, out _);

    /// <summary>The same, saying whether an item is complete that there has been.</summary>
    public static bool TryStep(
        Network network, ref StepTables tables, ref int at, byte value, ref JsonScan scan, bool mayForget,
        out bool isRepeat)
    {
        isRepeat = false;
        int byteClass = network.Classes.Of[value];
        if (tables.Next(at, byteClass) == StepTables.Dead)
        {
            return false;
        }

        bool wasInString = scan.IsInString;
        if (scan.IsActive)
        {
            WorkBudget.Spend(WorkBudget.Scan);
            isRepeat = scan.Read(value);
        }

        int next = Next(network, tables, at, byteClass, isRepeat, mayForget);
        if (next == StepTables.Full && mayForget && !WorkBudget.IsSpent)
        {
            at = network.Renew(ref tables, at);
            next = Next(network, tables, at, byteClass, isRepeat, mayForget: false);
        }

        if (next is StepTables.Dead or StepTables.Full)
        {
            return false;
        }

        if (value == '[' && !wasInString && tables.Facts(next).BeginsUnique)
        {
            scan.OpenUnique();
        }

        at = next;
        return true;
    }

    private static int Next(
        Network network, StepTables tables, int at, int byteClass, bool isRepeat, bool mayForget)
    {
        WorkBudget.Spend(WorkBudget.LookUp);
        if (isRepeat)
        {
            return network.StepRepeat(tables, at, byteClass, mayForget);
        }

        int next = tables.Next(at, byteClass);
        return next == StepTables.Unknown ? network.StepClass(tables, at, byteClass, mayForget) : next;
    }

    private static bool MayDiffer(
        Network network, StepTables tables, int at, in JsonScan scan, (object? Array, int Count) finished, int depth,
        ref int left)
    {
        // With the work budget spent, the mask is made later: what is said here is not used.
        WorkBudget.Spend(WorkBudget.Outlook);
        if (--left <= 0 || depth == 0 || WorkBudget.IsSpent)
        {
            return true;
        }

        Span<ulong> others = stackalloc ulong[4];
        Span<ulong> open = stackalloc ulong[4];
        scan.NextOfOthers(others);
        network.Classes.BytesNot(StepTables.Dead, tables.Row(at), open);
        if (!scan.IsInString)
        {
            // White space changes nothing: it is tried only where nothing else fits.
            open[0] &= ~White;
        }
        else if (scan.IsInEscape)
        {
            open.CopyTo(others);
        }
        else
        {
            others['\\' >> 6] |= 1ul << ('\\' & 63);
        }

        // What no other item goes on with ends the search, so that it comes first; then no more ways are followed than
        // there are items.
        if (MayDifferBy(open, others, asOthers: false, scan, ref left)
            || MayDifferBy(open, others, asOthers: true, scan, ref left))
        {
            return true;
        }

        return !scan.IsInString && !HasOther(network, tables, at)
            && MayDifferBy([White, 0, 0, 0], [0, 0, 0, 0], asOthers: false, scan, ref left);

        bool MayDifferBy(
            ReadOnlySpan<ulong> bytes, ReadOnlySpan<ulong> others, bool asOthers, in JsonScan scan, ref int left)
        {
            for (int word = 0; word < 4; word++)
            {
                ulong rest = bytes[word] & (asOthers ? others[word] : ~others[word]);
                for (; rest != 0; rest &= rest - 1)
                {
                    (int next, JsonScan after, StepTables same) = (at, scan, tables);
                    byte value = (byte)((64 * word) + BitOperations.TrailingZeroCount(rest));
                    bool fits = TryStep(network, ref same, ref next, value, ref after, mayForget: false);
                    if (fits && next == at && value == '0' && after.IsRepeated)
                    {
                        // A zero behind the point, of which any number may follow.
                        continue;
                    }

                    if (fits
                        ? !(after.MayRepeat || after.IsRepeated) || after.Finished != finished
                            || MayDiffer(network, same, next, after, finished, depth - 1, ref left)
                        : WorkBudget.IsSpent)
                    {
                        return true;
                    }
                }
            }

            return false;
        }
    }

    private static bool HasOther(Network network, StepTables tables, int at)
    {
        for (int value = ' ' + 1; value < 256; value++)
        {
            int next = Next(network, tables, at, network.Classes.Of[value], isRepeat: false, mayForget: false);
            if (next != StepTables.Dead)
            {
                return true;
            }
        }

        return false;
    }
}
