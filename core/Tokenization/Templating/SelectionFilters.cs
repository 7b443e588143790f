using System.Collections.Frozen;

namespace Engine.Tokenization.Templating;

/// <summary>map, select, reject and their attribute forms. All of them are lazy.</summary>
internal static class SelectionFilters
{
    public static void AddTo(Dictionary<string, BuiltinCode> table)
    {
        table["map"] = (state, args) => new TemplateIterator(Map(state, args));
        table["select"] = (state, args) => new TemplateIterator(Select(state, args, true, false));
        table["reject"] = (state, args) => new TemplateIterator(Select(state, args, false, false));
        table["selectattr"] = (state, args) => new TemplateIterator(Select(state, args, true, true));
        table["rejectattr"] = (state, args) => new TemplateIterator(Select(state, args, false, true));
    }

    private static object? Sequence(CallArgs args) => args.Positional.Length > 0
        ? args.Positional[0]
        : throw TemplateException.Type("missing 1 required positional argument: 'value'");

    private static IEnumerable<object?> Map(RenderState state, CallArgs args)
    {
        object? value = Sequence(args);
        if (!Ops.Truth(value))
            yield break;
        Func<object?, object?> code = Mapping(state, args);
        foreach (object? item in Ops.Iterate(value))
        {
            Budget.Charge(1);
            yield return code(item);
        }
    }

    private static Func<object?, object?> Mapping(RenderState state, CallArgs args)
    {
        int attribute = args.Keywords?.FindIndex(k => k.Key == "attribute") ?? -1;
        if (args.Positional.Length == 1 && attribute >= 0)
        {
            object? fallback = null;
            foreach ((string key, object? value) in args.Keywords!)
            {
                if (key == "default")
                    fallback = value;
                else if (key != "attribute")
                    throw Filters.ArgumentError($"Unexpected keyword argument {Repr.Quote(key)}");
            }

            return new AttributeGetter(state, args.Keywords[attribute].Value, false, fallback).Get;
        }

        if (args.Positional.Length < 2)
            throw Filters.ArgumentError("map requires a filter argument");
        BuiltinCode filter = Named(Filters.Table, "filter", args.Positional[1]);
        return item => filter(state, new CallArgs([item, .. args.Positional[2..]], args.Keywords));
    }

    private static BuiltinCode Named(
        FrozenDictionary<string, BuiltinCode> table, string kind, object? name)
    {
        if (name is TemplateList or TemplateDict)
            throw TemplateException.Type($"unhashable type: '{Ops.TypeName(name)}'");
        return Ops.Text(name) is string text && table.TryGetValue(text, out BuiltinCode? code)
            ? code
            : throw new TemplateException(
                TemplateErrorKind.TemplateRuntimeError, $"No {kind} named {Repr.Of(null, name)}.");
    }

    private static IEnumerable<object?> Select(RenderState state, CallArgs args, bool wanted, bool byAttribute)
    {
        object? value = Sequence(args);
        if (!Ops.Truth(value))
            yield break;
        int used = 1;
        AttributeGetter? getter = null;
        if (byAttribute)
        {
            if (args.Positional.Length < 2)
                throw Filters.ArgumentError("Missing parameter for attribute name");
            getter = new AttributeGetter(state, args.Positional[1]);
            used = 2;
        }

        BuiltinCode? test = args.Positional.Length > used
            ? Named(Tests.Table, "test", args.Positional[used])
            : null;
        foreach (object? item in Ops.Iterate(value))
        {
            Budget.Charge(1);
            object? subject = getter is null ? item : getter.Get(item);
            object? result = test is null
                ? subject
                : test(state, new CallArgs([subject, .. args.Positional[(used + 1)..]], args.Keywords));
            if (Ops.Truth(result) == wanted)
                yield return item;
        }
    }
}
