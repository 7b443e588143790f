namespace Engine.Tokenization.Templating;

/// <summary>A parsed and bound template. Immutable, so any number of threads may render it.</summary>
internal sealed class CompiledTemplate(
    List<Stmt> body, FunctionScope function, ScopeEntry entry, int selfSlot,
    Dictionary<string, BlockStmt> blocks, int sourceChars, bool tracksAssistant)
{
    public Dictionary<string, BlockStmt> Blocks => blocks;

    public int SourceChars => sourceChars;

    /// <summary>True if the template marks what the assistant wrote.</summary>
    public bool TracksAssistant => tracksAssistant;

    public static CompiledTemplate Compile(string source, TemplateLimits limits)
    {
        if (source.Length > limits.SourceCharsMax)
        {
            throw TemplateException.Limit(
                $"the template has {source.Length} characters, {limits.SourceCharsMax} are allowed");
        }

        List<Stmt> body = Parser.Parse(source, limits.ParseDepthMax);
        return Binder.Bind(body, source.Length);
    }

    public RenderState Render(
        Dictionary<string, object?> variables, TemplateLimits limits, int inputChars, DateTime? now)
    {
        var state = new RenderState(this, limits, sourceChars + inputChars, now);
        Budget? outer = Budget.Swap(state.Budget);
        try
        {
            var context = new RenderContext(variables);
            var a = new Activation(function, state, context, null);
            if (selfSlot >= 0)
                a.Slots[selfSlot] = new TemplateReference(this, context);
            entry.Run(a);
            Stmt.ExecAll(body, a);
            return state;
        }
        finally
        {
            Budget.Swap(outer);
        }
    }
}
