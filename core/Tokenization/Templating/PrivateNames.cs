using System.Collections.Frozen;

namespace Engine.Tokenization.Templating;

/// <summary>
/// Attributes with a leading underscore that Python's objects have. They are never handed out, but using
/// one is a SecurityError, while using one that does not exist is an UndefinedError.
/// </summary>
internal static class PrivateNames
{
    private static readonly FrozenSet<string> Shared = Set(
        "__class__ __delattr__ __dir__ __doc__ __eq__ __format__ __ge__ __getattribute__ __getstate__ __gt__ "
        + "__hash__ __init__ __init_subclass__ __le__ __lt__ __ne__ __new__ __reduce__ __reduce_ex__ "
        + "__repr__ __setattr__ __sizeof__ __str__ __subclasshook__");

    private static readonly FrozenSet<string> Text = Set(
        "__add__ __contains__ __getitem__ __getnewargs__ __iter__ __len__ __mod__ __mul__ __rmod__ __rmul__");

    private static readonly FrozenSet<string> Number = Set(
        "__abs__ __add__ __bool__ __ceil__ __divmod__ __float__ __floor__ __floordiv__ __getnewargs__ "
        + "__int__ __mod__ __mul__ __neg__ __pos__ __pow__ __radd__ __rdivmod__ __rfloordiv__ __rmod__ "
        + "__rmul__ __round__ __rpow__ __rsub__ __rtruediv__ __sub__ __truediv__ __trunc__");

    private static readonly FrozenSet<string> Integer = Set(
        "__and__ __index__ __invert__ __lshift__ __or__ __rand__ __rlshift__ __ror__ __rrshift__ __rshift__ "
        + "__rxor__ __xor__");

    private static readonly FrozenSet<string> List = Set(
        "__add__ __class_getitem__ __contains__ __delitem__ __getitem__ __iadd__ __imul__ __iter__ __len__ "
        + "__mul__ __reversed__ __rmul__ __setitem__");

    private static readonly FrozenSet<string> Tuple = Set(
        "__add__ __class_getitem__ __contains__ __getitem__ __getnewargs__ __iter__ __len__ __mul__ __rmul__");

    private static readonly FrozenSet<string> Dict = Set(
        "__class_getitem__ __contains__ __delitem__ __getitem__ __ior__ __iter__ __len__ __or__ __reversed__ "
        + "__ror__ __setitem__");

    private static readonly FrozenSet<string> View = Set(
        "__and__ __contains__ __iter__ __len__ __or__ __rand__ __reversed__ __ror__ __rsub__ __rxor__ "
        + "__sub__ __xor__");

    private static readonly FrozenSet<string> Range = Set(
        "__bool__ __contains__ __getitem__ __iter__ __len__ __reversed__");

    private static readonly FrozenSet<string> Generator = Set(
        "__del__ __iter__ __name__ __next__ __qualname__");

    private static readonly FrozenSet<string> Function = Set(
        "__annotations__ __builtins__ __call__ __closure__ __code__ __defaults__ __dict__ __get__ "
        + "__globals__ __kwdefaults__ __module__ __name__ __qualname__");

    private static readonly FrozenSet<string> Method = Set(
        "__call__ __module__ __name__ __qualname__ __self__ __text_signature__");

    private static readonly FrozenSet<string> Instance = Set(
        "__annotations__ __call__ __dict__ __iter__ __len__ __module__ __next__ __weakref__ "
        + "_argument_count _async_invoke _default_autoescape _environment _func _invoke _after _before "
        + "_current _iterable _iterator _last_changed_value _length _peek_next _recurse _to_iterator "
        + "_undefined _context _depth _stack _async_call");

    private static FrozenSet<string> Set(string names) => names.Split(' ').ToFrozenSet();

    public static bool Has(object? obj, string name)
    {
        if (obj is TemplateNamespace)
            return name is "__class__" or "_Namespace__attrs";
        if (Shared.Contains(name))
            return true;
        return obj switch
        {
            string or Markup or TemplateBytes => Text.Contains(name) || (obj is Markup && name == "__html__"),
            bool or long or System.Numerics.BigInteger => Number.Contains(name) || Integer.Contains(name),
            double => Number.Contains(name) || name == "__getformat__",
            TemplateList => List.Contains(name),
            TemplateTuple => Tuple.Contains(name),
            TemplateDict => Dict.Contains(name),
            DictView => View.Contains(name),
            TemplateRange => Range.Contains(name),
            TemplateIterator => Generator.Contains(name),
            Builtin => Function.Contains(name),
            BoundMethod => Method.Contains(name),
            null => name == "__bool__",
            Undefined => name.StartsWith("_undefined_", StringComparison.Ordinal)
                || name == "_fail_with_undefined_error",
            _ => Instance.Contains(name),
        };
    }
}
