namespace Engine.Tokenization.Templating;

/// <summary>Builds the syntax tree: this part holds the token stream and the statements.</summary>
internal sealed partial class Parser
{
    private readonly List<Token> _tokens;
    private readonly int _depthMax;
    private readonly Stack<string[]> _endTags = new();
    private readonly Stack<string> _openTags = new();
    private int _pos;
    private int _depth;

    private Parser(List<Token> tokens, int depthMax)
    {
        _tokens = tokens;
        _depthMax = depthMax;
    }

    public static List<Stmt> Parse(string source, int depthMax) =>
        new Parser(Lexer.Tokenize(source), depthMax).Body(null);

    private Token Current => _tokens[_pos];

    private Token Look => _tokens[Math.Min(_pos + 1, _tokens.Count - 1)];

    private Token Next()
    {
        Token token = _tokens[_pos];
        if (token.Type != TokenType.Eof)
            _pos++;
        return token;
    }

    private TemplateException Fail(string message, int? line = null) =>
        new(TemplateErrorKind.TemplateSyntaxError, message, line ?? Current.Line);

    private TemplateException Expected(string what) => Fail(Current.Type == TokenType.Eof
        ? $"unexpected end of template, expected {Repr.Quote(what)}."
        : $"expected token {Repr.Quote(what)}, got {Repr.Quote(Current.Describe())}");

    private Token Expect(TokenType type, string what) => Current.Type == type ? Next() : throw Expected(what);

    private Token ExpectName() => Expect(TokenType.Name, "name");

    private void ExpectOp(string op)
    {
        if (!Current.IsOp(op))
            throw Expected(op);
        Next();
    }

    private void ExpectKeyword(string name)
    {
        if (!Current.IsName(name))
            throw Expected(name);
        Next();
    }

    private bool SkipOp(string op)
    {
        if (!Current.IsOp(op))
            return false;
        Next();
        return true;
    }

    private bool SkipKeyword(string name)
    {
        if (!Current.IsName(name))
            return false;
        Next();
        return true;
    }

    /// <summary>Every nesting of the source passes here, so that hostile input cannot end the stack.</summary>
    private void Enter()
    {
        if (++_depth > _depthMax)
            throw TemplateException.Recursion();
    }

    private void Leave() => _depth--;

    private List<Stmt> Body(string[]? endTags)
    {
        var body = new List<Stmt>();
        Enter();
        if (endTags is not null)
            _endTags.Push(endTags);
        while (Current.Type != TokenType.Eof)
        {
            Token token = Next();
            switch (token.Type)
            {
                case TokenType.Data:
                    body.Add(new DataStmt(token.Text) { Line = token.Line });
                    break;
                case TokenType.VariableBegin:
                    body.Add(new OutputStmt([ParseTuple()]) { Line = token.Line });
                    Expect(TokenType.VariableEnd, "end of print statement");
                    break;
                case TokenType.BlockBegin when endTags is not null && Current.Type == TokenType.Name
                    && endTags.Contains(Current.Text):
                    _endTags.Pop();
                    Leave();
                    return body;
                default:
                    body.Add(Statement());
                    Expect(TokenType.BlockEnd, "end of statement block");
                    break;
            }
        }

        if (endTags is not null)
            throw Unclosed(null);
        Leave();
        return body;
    }

    private TemplateException Unclosed(string? unknownTag)
    {
        string message = unknownTag is null
            ? "Unexpected end of template."
            : $"Encountered unknown tag {Repr.Quote(unknownTag)}.";
        if (_endTags.TryPeek(out string[]? looking))
        {
            string tags = string.Join(" or ", looking.Select(Repr.Quote));
            message += unknownTag is not null && _endTags.Any(t => t.Contains(unknownTag))
                ? " You probably made a nesting mistake. Jinja is expecting this tag, but currently "
                    + $"looking for {tags}."
                : $" Jinja was looking for the following tags: {tags}.";
        }

        if (_openTags.TryPeek(out string? open))
            message += $" The innermost block that needs to be closed is {Repr.Quote(open)}.";
        return Fail(message);
    }

    /// <summary>The body of a statement up to one of the end tags, which becomes the current token.</summary>
    private List<Stmt> StatementBody(params string[] endTags)
    {
        SkipOp(":");
        Expect(TokenType.BlockEnd, "end of statement block");
        return Body(endTags);
    }

    private List<Stmt> WholeBody(string endTag)
    {
        List<Stmt> body = StatementBody(endTag);
        Next();
        return body;
    }

    private Stmt Statement()
    {
        Token tag = Current;
        if (tag.Type != TokenType.Name)
            throw Fail("tag name expected");
        _openTags.Push(tag.Text);
        Stmt statement = StatementFor(tag);
        _openTags.Pop();
        return statement;
    }

    private Stmt StatementFor(Token tag)
    {
        Next();
        switch (tag.Text)
        {
            case "for":
                return For(tag.Line);
            case "if":
                return If(tag.Line);
            case "set":
                return Set(tag.Line);
            case "macro":
                return Macro(tag.Line);
            case "call":
                return CallBlock(tag.Line);
            case "filter":
                FilterExpr filter = ParseFilter(null, startInline: true)!;
                return new FilterBlockStmt(filter, WholeBody("endfilter")) { Line = tag.Line };
            case "with":
                return With(tag.Line);
            case "autoescape":
                Expr enabled = ParseExpression();
                return new AutoEscapeStmt(enabled, WholeBody("endautoescape")) { Line = tag.Line };
            case "block":
                return Block(tag.Line);
            case "print":
                return Print(tag.Line);
            case "generation":
                return new GenerationStmt(new MacroBody(null, [], WholeBody("endgeneration"))) { Line = tag.Line };
            case "break" or "continue":
                return new JumpStmt(tag.Text == "break" ? Flow.Break : Flow.Continue) { Line = tag.Line };
            case "extends" or "include" or "import" or "from":
                return Load(tag);
        }

        _openTags.Pop();
        throw Unclosed(tag.Text);
    }

    private ForStmt For(int line)
    {
        Expr target = ParseTarget(inFor: true);
        ExpectKeyword("in");
        Expr items = ParseTuple(withCondition: false, endsAt: "recursive");
        Expr? test = SkipKeyword("if") ? ParseExpression() : null;
        bool recursive = SkipKeyword("recursive");
        List<Stmt> body = StatementBody("endfor", "else");
        List<Stmt> otherwise = Next().Text == "else" ? WholeBody("endfor") : [];
        return new ForStmt(target, items, test, recursive, body, otherwise) { Line = line };
    }

    private IfStmt If(int line)
    {
        var branches = new List<(Expr, List<Stmt>)>();
        List<Stmt> otherwise = [];
        while (true)
        {
            Expr test = ParseTuple(withCondition: false);
            branches.Add((test, StatementBody("elif", "else", "endif")));
            Token end = Next();
            if (end.Text == "elif")
                continue;
            if (end.Text == "else")
                otherwise = WholeBody("endif");
            return new IfStmt(branches, otherwise) { Line = line };
        }
    }

    private Stmt Set(int line)
    {
        Expr target = ParseTarget(withNamespace: true);
        if (SkipOp("="))
            return new SetStmt(target, ParseTuple()) { Line = line };
        FilterExpr? filter = ParseFilter(null, startInline: false);
        return new SetBlockStmt(target, filter, WholeBody("endset")) { Line = line };
    }

    private NameExpr TargetName()
    {
        Token token = ExpectName();
        if (token.Text is "true" or "false" or "none" or "True" or "False" or "None")
            throw Fail("can't assign to 'name'", token.Line);
        return new NameExpr(token.Text) { Line = token.Line };
    }

    private MacroStmt Macro(int line)
    {
        NameExpr name = TargetName();
        var parameters = Signature();
        return new MacroStmt(new MacroBody(name.Name, parameters, WholeBody("endmacro")), name) { Line = line };
    }

    private List<(NameExpr, Expr?)> Signature()
    {
        var parameters = new List<(NameExpr, Expr?)>();
        bool defaults = false;
        ExpectOp("(");
        while (!Current.IsOp(")"))
        {
            if (parameters.Count > 0)
                ExpectOp(",");
            NameExpr name = TargetName();
            Expr? fallback = SkipOp("=") ? ParseExpression() : null;
            if (fallback is null && defaults)
                throw Fail("non-default argument follows default argument");
            defaults |= fallback is not null;
            parameters.Add((name, fallback));
        }

        ExpectOp(")");
        return parameters;
    }

    private CallBlockStmt CallBlock(int line)
    {
        List<(NameExpr, Expr?)> parameters = Current.IsOp("(") ? Signature() : [];
        if (ParseExpression() is not CallExpr call)
            throw Fail("expected call", line);
        return new CallBlockStmt(call, new MacroBody(null, parameters, WholeBody("endcall"))) { Line = line };
    }

    private WithStmt With(int line)
    {
        var values = new List<(Expr, Expr)>();
        while (Current.Type != TokenType.BlockEnd)
        {
            if (values.Count > 0)
                ExpectOp(",");
            Expr target = ParseTarget();
            ExpectOp("=");
            values.Add((target, ParseExpression()));
        }

        return new WithStmt(values, WholeBody("endwith")) { Line = line };
    }

    private BlockStmt Block(int line)
    {
        string name = ExpectName().Text;
        bool scoped = SkipKeyword("scoped");
        bool required = SkipKeyword("required");
        if (Current.IsOp("-"))
        {
            throw Fail("Block names in Jinja have to be valid Python identifiers and may not contain "
                + "hyphens, use an underscore instead.");
        }

        List<Stmt> body = WholeBody("endblock");
        if (required && body.Exists(s => s is not DataStmt data || data.Text.Trim().Length > 0))
            throw Fail("Required blocks can only contain comments or whitespace");
        SkipKeyword(name);
        return new BlockStmt(name, scoped, required, body) { Line = line };
    }

    private OutputStmt Print(int line)
    {
        var values = new List<Expr>();
        while (Current.Type != TokenType.BlockEnd)
        {
            if (values.Count > 0)
                ExpectOp(",");
            values.Add(ParseExpression());
        }

        return new OutputStmt(values) { Line = line };
    }
}
