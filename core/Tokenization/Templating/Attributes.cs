using System.Collections.Frozen;
using System.Numerics;

namespace Engine.Tokenization.Templating;

/// <summary>
/// a.b and a[b] under the rules of the immutable sandbox: attribute first or item first, nothing that
/// starts with an underscore, nothing that changes a list or dict.
/// </summary>
internal static class Attributes
{
    private static readonly FrozenSet<string> DictMutators =
        new[] { "clear", "pop", "popitem", "setdefault", "update" }.ToFrozenSet();

    private static readonly FrozenSet<string> ListMutators = new[]
    {
        "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
    }.ToFrozenSet();

    /// <summary>obj.name</summary>
    public static object? GetAttribute(RenderState state, object? obj, string name)
    {
        if (TryAttribute(obj, name, out object? value))
            return value;
        if (obj is TemplateDict dict && dict.TryGet(name, out value))
            return value;
        if (obj is Undefined undefined)
            throw undefined.Fail();
        if (obj is TemplateReference self && self.TryBlock(name, out value))
            return value;
        _ = state;
        return Undefined.Member(obj, name);
    }

    /// <summary>obj[key]</summary>
    public static object? GetItem(RenderState state, object? obj, object? key)
    {
        _ = state;
        if (obj is Undefined undefined)
            throw undefined.Fail();
        if (TryItem(obj, key, out object? value))
            return value;
        if (Ops.Text(key) is string name && TryAttribute(obj, name, out value))
            return value;
        return Undefined.Member(obj, key is Markup m ? m.Text : key);
    }

    private static bool TryItem(object? obj, object? key, out object? value)
    {
        value = null;
        switch (obj)
        {
            case TemplateDict dict:
                return key is string name ? dict.TryGet(name, out value)
                    : IsHashable(key) && dict.TryGet(key, out value);
            case TemplateReference self:
                return key is string block && self.TryBlock(block, out value);
        }

        if (key is not (long or bool or BigInteger))
            return false;
        int i = Num.Index(key);
        int length = obj is string or Markup or TemplateList or TemplateTuple or TemplateRange or TemplateBytes
            ? Ops.Len(obj) : 0;
        if (i < 0)
            i += length;
        if (i < 0 || i >= length)
            return false;
        value = obj switch
        {
            TemplateList list => list.Items[i],
            TemplateTuple tuple => tuple.Items[i],
            TemplateRange range => Num.Box(range[i]),
            TemplateBytes bytes => Num.Box(bytes.Data[i]),
            Markup m => new Markup(Character(m.Text, i)),
            _ => Character((string)obj!, i),
        };
        return true;
    }

    private static string Character(string s, int index)
    {
        int at = Unicode.UnitIndex(s, index);
        return Unicode.FromCode(Unicode.CodeAt(s, at));
    }

    private static bool IsHashable(object? key) => key switch
    {
        TemplateList or TemplateDict or DictView or TemplateSlice => false,
        TemplateTuple t => t.Items.All(IsHashable),
        _ => true,
    };

    /// <summary>getattr(obj, name) with the sandbox in between; false if there is no such attribute.</summary>
    public static bool TryAttribute(object? obj, string name, out object? value)
    {
        if (name.StartsWith('_'))
        {
            bool exists = PrivateNames.Has(obj, name);
            value = exists ? Undefined.Unsafe(obj, name) : null;
            return exists;
        }

        value = obj switch
        {
            string or Markup => StringMethods.Find(obj, name),
            TemplateDict dict => DictAttribute(dict, name),
            TemplateList list => ListAttribute(list, name),
            TemplateNamespace ns => ns.Attributes.TryGet(name, out object? v) ? v ?? NoneFound : null,
            TemplateTuple tuple => ContainerMethods.Tuple(tuple, name),
            LoopContext loop => loop.Attribute(name),
            Macro macro => macro.Attribute(name),
            null or Undefined => null,
            _ => ContainerMethods.Other(obj, name),
        };
        bool found = value is not null;
        if (ReferenceEquals(value, NoneFound))
            value = null;
        return found;
    }

    /// <summary>Marks an attribute that exists and is None.</summary>
    public static readonly object NoneFound = new();

    private static object? DictAttribute(TemplateDict dict, string name) =>
        DictMutators.Contains(name) ? Undefined.Unsafe(dict, name) : ContainerMethods.Dict(dict, name);

    private static object? ListAttribute(TemplateList list, string name) =>
        ListMutators.Contains(name) ? Undefined.Unsafe(list, name) : ContainerMethods.List(list, name);
}
