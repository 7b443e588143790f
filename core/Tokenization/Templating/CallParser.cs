namespace Engine.Tokenization.Templating;

/// <summary>Subscripts, calls, filters and tests.</summary>
internal sealed partial class Parser
{
    private Expr ParseSubscript(Expr node)
    {
        Token token = Next();
        if (token.Text == ".")
        {
            Token member = Next();
            if (member.Type == TokenType.Name)
                return new AttributeExpr(node, member.Text) { Line = token.Line };
            if (member.Type != TokenType.Integer)
                throw Fail("expected name or number", member.Line);
            return new ItemExpr(node, new ConstExpr(member.Value)) { Line = token.Line };
        }

        var keys = new List<Expr>();
        while (!Current.IsOp("]"))
        {
            if (keys.Count > 0)
                ExpectOp(",");
            keys.Add(ParseSubscriptKey());
        }

        ExpectOp("]");
        if (keys.Count == 1 && keys[0] is SliceKeyExpr slice)
            return new SliceExpr(node, slice.Start, slice.Stop, slice.Step) { Line = token.Line };
        if (keys.Exists(k => k is SliceKeyExpr))
            throw new TemplateException(TemplateErrorKind.SyntaxError, "invalid syntax", token.Line);
        Expr key = keys.Count == 1 ? keys[0] : new TupleExpr(keys);
        return new ItemExpr(node, key) { Line = token.Line };
    }

    private Expr ParseSubscriptKey()
    {
        Expr? start = null;
        if (!SkipOp(":"))
        {
            start = ParseExpression();
            if (!SkipOp(":"))
                return start;
        }

        Expr? stop = AtSliceEnd() || Current.IsOp(":") ? null : ParseExpression();
        Expr? step = null;
        if (SkipOp(":") && !AtSliceEnd())
            step = ParseExpression();
        return new SliceKeyExpr(start, stop, step);
    }

    private bool AtSliceEnd() => Current.IsOp("]") || Current.IsOp(",");

    private CallExpr ParseCall(Expr node)
    {
        int line = Current.Line;
        return new CallExpr(node, ParseArguments()) { Line = line };
    }

    private ArgumentList ParseArguments()
    {
        int line = Current.Line;
        ExpectOp("(");
        var positional = new List<Expr>();
        var keywords = new List<(string Name, Expr Value)>();
        Expr? star = null;
        Expr? doubleStar = null;
        bool comma = false;
        void Ensure(bool valid)
        {
            if (!valid)
                throw Fail("invalid syntax for function call expression", line);
        }

        while (!Current.IsOp(")"))
        {
            if (comma)
            {
                ExpectOp(",");
                if (Current.IsOp(")"))
                    break;
            }

            comma = true;
            if (Current.IsOp("*"))
            {
                Ensure(star is null && doubleStar is null);
                Next();
                star = ParseExpression();
            }
            else if (Current.IsOp("**"))
            {
                Ensure(doubleStar is null);
                Next();
                doubleStar = ParseExpression();
            }
            else if (Current.Type == TokenType.Name && Look.IsOp("="))
            {
                Ensure(doubleStar is null);
                string name = Next().Text;
                Next();
                keywords.Add((name, ParseExpression()));
            }
            else
            {
                Ensure(star is null && doubleStar is null && keywords.Count == 0);
                positional.Add(ParseExpression());
            }
        }

        ExpectOp(")");
        CheckRepeats(keywords, line);
        return new ArgumentList(positional, keywords, star, doubleStar);
    }

    private static void CheckRepeats(List<(string Name, Expr Value)> keywords, int line)
    {
        var seen = new HashSet<string>();
        foreach ((string name, _) in keywords)
        {
            if (!seen.Add(name))
            {
                throw new TemplateException(
                    TemplateErrorKind.SyntaxError, $"keyword argument repeated: {name}", line);
            }
        }
    }

    private string DottedName()
    {
        string name = ExpectName().Text;
        while (SkipOp("."))
            name += "." + ExpectName().Text;
        return name;
    }

    private FilterExpr? ParseFilter(Expr? node, bool startInline)
    {
        int chain = 0;
        while (startInline || Current.IsOp("|"))
        {
            CheckChain(ref chain);
            if (!startInline)
                Next();
            startInline = false;
            int line = Current.Line;
            string name = DottedName();
            ArgumentList args = Current.IsOp("(") ? ParseArguments() : ArgumentList.Empty;
            node = new FilterExpr(node, name, args) { Line = line };
        }

        return node as FilterExpr;
    }

    private Expr ParseTest(Expr node)
    {
        int line = Next().Line;
        bool negated = SkipKeyword("not");
        string name = DottedName();
        ArgumentList args = ArgumentList.Empty;
        Token token = Current;
        if (token.IsOp("("))
        {
            args = ParseArguments();
        }
        else if ((token.Type is TokenType.Name or TokenType.String or TokenType.Integer or TokenType.Float
            || token.IsOp("[") || token.IsOp("{")) && !(token.Type == TokenType.Name
            && token.Text is "else" or "or" or "and"))
        {
            if (token.IsName("is"))
                throw Fail("You cannot chain multiple tests with is");
            Enter();
            args = new ArgumentList([ParsePostfix(ParsePrimary())], [], null, null);
            Leave();
        }

        Expr test = new TestExpr(node, name, args) { Line = line };
        return negated ? new UnaryExpr('!', test) { Line = line } : test;
    }
}
