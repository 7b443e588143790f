using System.Collections;

namespace Engine.Tokenization.Templating;

// The values of a template are plain objects: null (None), bool, long, BigInteger, double, string and
// the types below. Nothing else can get in, so nothing else can be reached.

/// <summary>A string that is already HTML.</summary>
internal sealed record Markup(string Text);

/// <summary>A value that is not there. It prints as nothing and fails on nearly everything else.</summary>
internal sealed class Undefined(string message, TemplateErrorKind kind = TemplateErrorKind.UndefinedError)
{
    public string Message => message;

    public TemplateException Fail() => new(kind, message);

    public static Undefined Name(string name) => new($"{Repr.Quote(name)} is undefined");

    public static Undefined Member(object? obj, object? name) => new(
        name is string s
            ? $"{Repr.Quote(Ops.ObjectName(obj))} has no attribute {Repr.Quote(s)}"
            : $"{Ops.ObjectName(obj)} has no element {Repr.Of(null, name)}");

    public static Undefined Unsafe(object? obj, string name) => new(
        $"access to attribute {Repr.Quote(name)} of {Repr.Quote(Ops.TypeName(obj))} object is unsafe.",
        TemplateErrorKind.SecurityError);
}

/// <summary>A list. The sandbox forbids mutation, so lists are shared freely.</summary>
internal sealed class TemplateList(List<object?> items)
{
    public List<object?> Items => items;
}

/// <summary>A tuple, with field names if it is a group of groupby.</summary>
internal sealed class TemplateTuple(params object?[] items)
{
    public static readonly TemplateTuple Empty = new();

    public object?[] Items => items;

    public bool IsGroup { get; init; }
}

/// <summary>A dict in insertion order; small ones are searched, larger ones indexed.</summary>
internal sealed class TemplateDict
{
    private const int IndexedFrom = 9;
    private readonly List<KeyValuePair<object?, object?>> _entries = [];
    private Dictionary<DictKey, int>? _index;

    public int Count => _entries.Count;

    public List<KeyValuePair<object?, object?>> Entries => _entries;

    public bool TryGet(string key, out object? value)
    {
        if (_index is not null)
            return TryGet((object)key, out value);
        foreach ((object? k, object? v) in _entries)
        {
            if (k is string s ? s == key : k is Markup m && m.Text == key)
            {
                value = v;
                return true;
            }
        }

        value = null;
        return false;
    }

    public bool TryGet(object? key, out object? value)
    {
        int i = Find(key);
        value = i < 0 ? null : _entries[i].Value;
        return i >= 0;
    }

    public void Set(object? key, object? value)
    {
        int i = Find(key);
        if (i >= 0)
        {
            _entries[i] = new(_entries[i].Key, value);
            return;
        }

        _entries.Add(new(key, value));
        if (_index is not null)
            _index[new DictKey(key)] = _entries.Count - 1;
        else if (_entries.Count >= IndexedFrom)
            BuildIndex();
    }

    /// <summary>Adds a key that is known to be new, as when copying.</summary>
    public TemplateDict Copy()
    {
        var copy = new TemplateDict();
        foreach ((object? k, object? v) in _entries)
            copy.Set(k, v);
        return copy;
    }

    private void BuildIndex()
    {
        _index = [];
        for (int i = 0; i < _entries.Count; i++)
            _index[new DictKey(_entries[i].Key)] = i;
    }

    private int Find(object? key)
    {
        var wanted = new DictKey(key);
        if (_index is not null)
            return _index.TryGetValue(wanted, out int at) ? at : -1;
        for (int i = 0; i < _entries.Count; i++)
        {
            if (wanted.Equals(new DictKey(_entries[i].Key)))
                return i;
        }

        return -1;
    }
}

/// <summary>A hashable value with Python's equality: 1, 1.0 and True are one key.</summary>
internal readonly struct DictKey : IEquatable<DictKey>
{
    private readonly object? _value;
    private readonly int _hash;

    public DictKey(object? value)
    {
        _value = value;
        _hash = Ops.Hash(value, 0);
    }

    public bool Equals(DictKey other) =>
        _hash == other._hash && Ops.AreEqual(_value, other._value, 0);

    public override bool Equals(object? obj) => obj is DictKey other && Equals(other);

    public override int GetHashCode() => _hash;
}

internal enum DictViewKind
{
    Keys,
    Values,
    Items,
}

/// <summary>dict.keys(), values() or items().</summary>
internal sealed record DictView(TemplateDict Dict, DictViewKind Kind)
{
    public IEnumerable<object?> Enumerate()
    {
        foreach ((object? k, object? v) in Dict.Entries)
        {
            yield return Kind switch
            {
                DictViewKind.Keys => k,
                DictViewKind.Values => v,
                _ => new TemplateTuple(k, v),
            };
        }
    }
}

/// <summary>range(): at most 100,000 items, so its arithmetic fits long.</summary>
internal sealed record TemplateRange(long Start, long Stop, long Step)
{
    public int Count { get; } = Step > 0
        ? (int)(Start < Stop ? ((Int128)Stop - Start + Step - 1) / Step : 0)
        : (int)(Start > Stop ? ((Int128)Start - Stop - Step - 1) / -(Int128)Step : 0);

    public long this[int i] => Start + (i * Step);

    public IEnumerable<object?> Enumerate()
    {
        for (int i = 0; i < Count; i++)
            yield return Num.Box(this[i]);
    }
}

/// <summary>A lazy sequence that can be walked once.</summary>
internal sealed class TemplateIterator(IEnumerable<object?> source, string typeName = "generator")
    : IEnumerator<object?>
{
    private readonly IEnumerator<object?> _source = source.GetEnumerator();

    public string TypeName => typeName;

    public object? Current => _source.Current;

    object IEnumerator.Current => Current!;

    public bool MoveNext() => _source.MoveNext();

    public void Reset() => throw new NotSupportedException();

    public void Dispose()
    {
        // A consumer that stops early must not end the sequence for the next one.
    }
}

internal sealed record TemplateBytes(byte[] Data);

/// <summary>namespace(): the one mutable value.</summary>
internal sealed class TemplateNamespace
{
    public TemplateDict Attributes { get; } = new();

    public void Set(string name, object? value)
    {
        if (name.StartsWith('_'))
        {
            throw new TemplateException(
                TemplateErrorKind.SecurityError,
                "Chat templates cannot store underscore-prefixed attributes on a namespace, but got "
                + $"{Repr.Quote(name)}. Please rename the attribute.");
        }

        Attributes.Set(name, value);
    }
}

internal sealed class Cycler(object?[] items)
{
    private int _pos;

    public object?[] Items => items;

    public int Position => _pos;

    public object? Current => items[_pos];

    public void Reset() => _pos = 0;

    public object? Next()
    {
        object? current = Current;
        _pos = (_pos + 1) % items.Length;
        return current;
    }
}

internal sealed class Joiner(object? separator)
{
    public object? Separator => separator;

    public bool Used { get; private set; }

    public object? Call()
    {
        if (Used)
            return separator;
        Used = true;
        return "";
    }
}

/// <summary>Code of a filter, test, global or method.</summary>
internal delegate object? BuiltinCode(RenderState state, CallArgs args);

/// <summary>A global function or type.</summary>
internal sealed record Builtin(string Name, BuiltinCode Code, bool IsType = false);

/// <summary>A method bound to its object.</summary>
internal sealed record BoundMethod(object? Self, string Name, BuiltinCode Code);

/// <summary>Arguments of a call.</summary>
internal readonly record struct CallArgs(object?[] Positional, List<KeyValuePair<string, object?>>? Keywords)
{
    /// <summary>Stands for an argument that was not given.</summary>
    public static readonly object Missing = new();

    public static CallArgs Of(params object?[] positional) => new(positional, null);

    public int KeywordCount => Keywords?.Count ?? 0;

    /// <summary>
    /// Lays the arguments out by parameter name; the first `required` must be given. What is not given
    /// is <see cref="Missing"/>.
    /// </summary>
    public object?[] Bind(string function, int required, params ReadOnlySpan<string> names)
    {
        if (Positional.Length > names.Length)
        {
            throw TemplateException.Type(
                $"{function}() takes at most {names.Length} arguments ({Positional.Length} given)");
        }

        var bound = new object?[names.Length];
        Array.Fill(bound, Missing);
        Positional.CopyTo(bound, 0);
        foreach ((string key, object? value) in Keywords ?? [])
        {
            int i = names.IndexOf(key);
            if (i < 0)
                throw TemplateException.Type($"{function}() got an unexpected keyword argument '{key}'");
            if (bound[i] != Missing)
                throw TemplateException.Type($"{function}() got multiple values for argument '{key}'");
            bound[i] = value;
        }

        for (int i = 0; i < required; i++)
        {
            if (bound[i] == Missing)
                throw TemplateException.Type($"{function}() missing required argument: '{names[i]}'");
        }

        return bound;
    }

    /// <summary>Positional-only arguments, between min and max of them.</summary>
    public object?[] Plain(string function, int min, int max)
    {
        if (KeywordCount > 0)
            throw TemplateException.Type($"{function}() takes no keyword arguments");
        if (Positional.Length < min || Positional.Length > max)
        {
            throw TemplateException.Type(
                $"{function} expected {min} to {max} arguments, got {Positional.Length}");
        }

        return Positional;
    }
}
