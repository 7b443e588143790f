using System.Text.Json;

namespace Engine.Tokenization.Templating;

/// <summary>
/// A Jinja2 template in the sandboxed environment that chat templates run in. Parsed once; immutable and
/// safe for concurrent use.
/// </summary>
/// <remarks>Behaves as jinja2 3.1: https://jinja.palletsprojects.com/en/stable/templates/.</remarks>
public sealed class JinjaTemplate
{
    private readonly CompiledTemplate _compiled;
    private readonly TemplateLimits _limits;

    private JinjaTemplate(CompiledTemplate compiled, TemplateLimits limits)
    {
        _compiled = compiled;
        _limits = limits;
    }

    /// <summary>Parses a template.</summary>
    /// <param name="source">The template text.</param>
    /// <param name="limits">Limits of parsing and rendering; null means the defaults.</param>
    /// <exception cref="TemplateException">The template is not valid.</exception>
    public static JinjaTemplate Parse(string source, TemplateLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        limits ??= TemplateLimits.Default;
        return new JinjaTemplate(CompiledTemplate.Compile(source, limits), limits);
    }

    /// <summary>Renders with the properties of a JSON object as variables.</summary>
    /// <param name="context">A JSON object; a default element means no variables.</param>
    /// <param name="now">What strftime_now formats; null means the local clock.</param>
    /// <exception cref="TemplateException">The rendering failed or hit a limit.</exception>
    public string Render(JsonElement context = default, DateTime? now = null)
    {
        var variables = new Dictionary<string, object?>();
        if (context.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in context.EnumerateObject())
                variables[property.Name] = JsonValues.From(property.Value);
        }

        return _compiled.Render(variables, _limits, JsonValues.RawLength(context), now).Output;
    }
}
