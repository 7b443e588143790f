namespace Engine.Tokenization.Templating;

/// <summary>
/// What went wrong, named after the exception class that jinja2 or Python would have raised, so that
/// a template's author finds the same word in both worlds.
/// </summary>
public enum TemplateErrorKind
{
    /// <summary>The template cannot be parsed.</summary>
    TemplateSyntaxError,

    /// <summary>The template parses but names an unknown filter, test or block.</summary>
    TemplateAssertionError,

    /// <summary>break or continue outside a loop, or a repeated keyword argument.</summary>
    SyntaxError,

    /// <summary>An operation on a variable that does not exist.</summary>
    UndefinedError,

    /// <summary>A value of the wrong type.</summary>
    TypeError,

    /// <summary>A value of the right type that makes no sense.</summary>
    ValueError,

    /// <summary>The sandbox refused an attribute or a mutation.</summary>
    SecurityError,

    /// <summary>A run-time error of the template language itself.</summary>
    TemplateRuntimeError,

    /// <summary>A filter got arguments that it cannot use.</summary>
    FilterArgumentError,

    /// <summary>Division or modulo by zero.</summary>
    ZeroDivisionError,

    /// <summary>A number or a range too large.</summary>
    OverflowError,

    /// <summary>The template called raise_exception; the message is the template's own.</summary>
    TemplateError,

    /// <summary>An include of an empty list of templates.</summary>
    TemplatesNotFound,

    /// <summary>A mapping lacks a key.</summary>
    KeyError,

    /// <summary>A sequence lacks an index.</summary>
    IndexError,

    /// <summary>A value lacks an attribute.</summary>
    AttributeError,

    /// <summary>An argument breaks a filter's precondition.</summary>
    AssertionError,

    /// <summary>Any other failure of a callable.</summary>
    RuntimeError,

    /// <summary>Text that the requested encoding cannot carry.</summary>
    UnicodeEncodeError,

    /// <summary>Bytes that are no text in the requested encoding.</summary>
    UnicodeDecodeError,

    /// <summary>An encoding or error handler that does not exist.</summary>
    LookupError,

    /// <summary>Nesting deeper than <see cref="TemplateLimits"/> allows.</summary>
    RecursionError,

    /// <summary>The operation or output budget of <see cref="TemplateLimits"/> is spent.</summary>
    LimitExceeded,
}

/// <summary>A template that cannot be parsed, or a rendering that failed.</summary>
public sealed class TemplateException : Exception
{
    /// <summary>Creates an error.</summary>
    /// <param name="kind">The kind.</param>
    /// <param name="message">The message, in Python's words where there are such.</param>
    /// <param name="line">1-based line of the template, 0 if unknown.</param>
    public TemplateException(TemplateErrorKind kind, string message, int line = 0)
        : base(message)
    {
        Kind = kind;
        Line = line;
    }

    /// <summary>The kind.</summary>
    public TemplateErrorKind Kind { get; }

    /// <summary>1-based line of the template where parsing stopped, 0 if unknown.</summary>
    public int Line { get; }

    internal static TemplateException Type(string message) => new(TemplateErrorKind.TypeError, message);

    internal static TemplateException Value(string message) => new(TemplateErrorKind.ValueError, message);

    internal static TemplateException Limit(string message) =>
        new(TemplateErrorKind.LimitExceeded, message);

    internal static TemplateException Recursion() =>
        new(TemplateErrorKind.RecursionError, "maximum recursion depth exceeded");
}
