using System.Numerics;

namespace Engine.Tokenization.Templating;

/// <summary>A slice as a key, which no container has; it only names what was looked for.</summary>
internal sealed record TemplateSlice(object? Start, object? Stop, object? Step);

/// <summary>value[start:stop:step].</summary>
internal static class Slice
{
    public static int Index(object? v)
    {
        if (v is long or bool or BigInteger)
            return Num.Index(v);
        throw TemplateException.Type("slice indices must be integers or None or have an __index__ method");
    }

    public static object? Apply(object? v, object? start, object? stop, object? step)
    {
        switch (v)
        {
            case Undefined undefined:
                throw undefined.Fail();
            case TemplateDict:
                throw TemplateException.Type("unhashable type: 'slice'");
            case string or Markup or TemplateList or TemplateTuple or TemplateRange or TemplateBytes:
                break;
            default:
                throw TemplateException.Type($"'{Ops.TypeName(v)}' object is not subscriptable");
        }

        long by = step is null ? 1 : Index(step);
        if (by == 0)
            throw TemplateException.Value("slice step cannot be zero");
        int length = Ops.Len(v);
        long from = Bound(start, length, by, isStart: true);
        long to = Bound(stop, length, by, isStart: false);
        long count = by > 0 ? Math.Max(0, (to - from + by - 1) / by) : Math.Max(0, (from - to - by - 1) / -by);
        if (v is TemplateRange range)
        {
            return new TemplateRange(
                range.Start + (from * range.Step), range.Start + (to * range.Step), range.Step * by);
        }

        if (Ops.Text(v) is string text)
        {
            string part = Text(text, (int)from, (int)by, (int)count);
            return v is Markup ? new Markup(part) : part;
        }

        Budget.Charge(count);
        return v switch
        {
            TemplateList list => new TemplateList(Pick(list.Items, from, by, count)),
            TemplateTuple tuple => new TemplateTuple([.. Pick(tuple.Items, from, by, count)]),
            _ => new TemplateBytes([.. Pick(((TemplateBytes)v).Data, from, by, count)]),
        };
    }

    private static long Bound(object? v, int length, long step, bool isStart)
    {
        if (v is null)
            return step > 0 ? (isStart ? 0 : length) : (isStart ? length - 1 : -1);
        long i = Index(v);
        if (i < 0)
            i += length;
        return step > 0 ? Math.Clamp(i, 0, length) : Math.Clamp(i, -1, length - 1);
    }

    private static string Text(string s, int from, int step, int count)
    {
        Budget.ChargeText(s.Length);
        if (count == 0)
            return "";
        if (step == 1)
        {
            int start = Unicode.UnitIndex(s, from);
            return s[start..(start + Unicode.UnitIndex(s[start..], count))];
        }

        int[] codes = Unicode.Codes(s);
        return Unicode.FromCodes([.. Pick(codes, from, step, count)]);
    }

    private static List<T> Pick<T>(IList<T> items, long from, long step, long count)
    {
        var picked = new List<T>((int)count);
        for (long i = from; count > 0; i += step, count--)
            picked.Add(items[(int)i]);
        return picked;
    }
}
