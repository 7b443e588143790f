namespace Engine.Tokenization.Templating;

/// <summary>The expression half of the parser, one method per level of precedence.</summary>
internal sealed partial class Parser
{
    /// <summary>Chains of operators nest in the tree though not in the source; they are limited too.</summary>
    private const int ChainMax = 300;

    private const int TreeDepthMax = 500;

    private Expr ParseExpression(bool withCondition = true)
    {
        Enter();
        Expr result = withCondition ? ParseConditional() : ParseOr();
        Leave();
        return result.Depth <= TreeDepthMax ? result : throw TemplateException.Recursion();
    }

    private static void CheckChain(ref int length)
    {
        if (++length > ChainMax)
            throw TemplateException.Recursion();
    }

    private Expr ParseConditional()
    {
        int line = Current.Line;
        int chain = 0;
        Expr then = ParseOr();
        while (SkipKeyword("if"))
        {
            CheckChain(ref chain);
            Expr test = ParseOr();
            Expr? otherwise = SkipKeyword("else") ? ParseExpression() : null;
            then = new CondExpr(test, then, otherwise) { Line = line };
            line = Current.Line;
        }

        return then;
    }

    private Expr ParseOr()
    {
        int chain = 0;
        Expr left = ParseAnd();
        while (SkipKeyword("or"))
        {
            CheckChain(ref chain);
            left = new LogicExpr(isAnd: false, left, ParseAnd());
        }

        return left;
    }

    private Expr ParseAnd()
    {
        int chain = 0;
        Expr left = ParseNot();
        while (SkipKeyword("and"))
        {
            CheckChain(ref chain);
            left = new LogicExpr(isAnd: true, left, ParseNot());
        }

        return left;
    }

    private Expr ParseNot()
    {
        if (!SkipKeyword("not"))
            return ParseCompare();
        Enter();
        Expr operand = ParseNot();
        Leave();
        return new UnaryExpr('!', operand);
    }

    private Expr ParseCompare()
    {
        Expr first = ParseSum();
        var rest = new List<(string, Expr)>();
        while (true)
        {
            Token token = Current;
            if (token.Type == TokenType.Operator && token.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
            {
                Next();
                rest.Add((token.Text, ParseSum()));
            }
            else if (SkipKeyword("in"))
            {
                rest.Add(("in", ParseSum()));
            }
            else if (token.IsName("not") && Look.IsName("in"))
            {
                Next();
                Next();
                rest.Add(("not in", ParseSum()));
            }
            else
            {
                return rest.Count == 0 ? first : new CompareExpr(first, rest);
            }
        }
    }

    private Expr ParseSum()
    {
        int chain = 0;
        Expr left = ParseConcat();
        while (Current.IsOp("+") || Current.IsOp("-"))
        {
            CheckChain(ref chain);
            string op = Next().Text;
            left = new BinaryExpr(op, left, ParseConcat());
        }

        return left;
    }

    private Expr ParseConcat()
    {
        Expr first = ParseProduct();
        if (!Current.IsOp("~"))
            return first;
        List<Expr> parts = [first];
        while (SkipOp("~"))
            parts.Add(ParseProduct());
        return new ConcatExpr(parts);
    }

    private Expr ParseProduct()
    {
        int chain = 0;
        Expr left = ParsePower();
        while (Current.Type == TokenType.Operator && Current.Text is "*" or "/" or "//" or "%")
        {
            CheckChain(ref chain);
            string op = Next().Text;
            left = new BinaryExpr(op, left, ParsePower());
        }

        return left;
    }

    private Expr ParsePower()
    {
        int chain = 0;
        Expr left = ParseUnary();
        while (SkipOp("**"))
        {
            CheckChain(ref chain);
            left = new BinaryExpr("**", left, ParseUnary());
        }

        return left;
    }

    private Expr ParseUnary(bool withFilter = true)
    {
        Expr node;
        if (Current.IsOp("-") || Current.IsOp("+"))
        {
            char op = Next().Text[0];
            Enter();
            node = new UnaryExpr(op, ParseUnary(withFilter: false));
            Leave();
        }
        else
        {
            node = ParsePrimary();
        }

        node = ParsePostfix(node);
        return withFilter ? ParseFilters(node) : node;
    }

    private Expr ParsePrimary(bool withNamespace = false)
    {
        Token token = Current;
        switch (token.Type)
        {
            case TokenType.Name:
                Next();
                return NameOrConstant(token, withNamespace);
            case TokenType.String:
                return new ConstExpr(AdjacentStrings()) { Line = token.Line };
            case TokenType.Integer or TokenType.Float:
                Next();
                return new ConstExpr(token.Value) { Line = token.Line };
            case TokenType.Operator when token.Text == "(":
                Next();
                Expr inner = ParseTuple(explicitParentheses: true);
                ExpectOp(")");
                return inner;
            case TokenType.Operator when token.Text == "[":
                return ParseList();
            case TokenType.Operator when token.Text == "{":
                return ParseDict();
            default:
                throw Fail($"unexpected {Repr.Quote(token.Describe())}");
        }
    }

    private Expr NameOrConstant(Token token, bool withNamespace)
    {
        switch (token.Text)
        {
            case "true" or "True":
                return new ConstExpr(Num.True) { Line = token.Line };
            case "false" or "False":
                return new ConstExpr(Num.False) { Line = token.Line };
            case "none" or "None":
                return new ConstExpr(null) { Line = token.Line };
        }

        var name = new NameExpr(token.Text) { Line = token.Line };
        if (!withNamespace || !SkipOp("."))
            return name;
        return new NamespaceTarget(name, ExpectName().Text) { Line = token.Line };
    }

    private string AdjacentStrings()
    {
        string text = Next().Text;
        if (Current.Type != TokenType.String)
            return text;
        var parts = new System.Text.StringBuilder(text);
        while (Current.Type == TokenType.String)
            parts.Append(Next().Text);
        return parts.ToString();
    }

    private bool AtTupleEnd(string? endsAt) =>
        Current.Type is TokenType.VariableEnd or TokenType.BlockEnd || Current.IsOp(")")
        || (endsAt is not null && Current.IsName(endsAt));

    /// <summary>An expression, or several with commas between them.</summary>
    private Expr ParseTuple(
        bool simplified = false, bool withCondition = true, string? endsAt = null,
        bool explicitParentheses = false, bool withNamespace = false)
    {
        int line = Current.Line;
        var items = new List<Expr>();
        bool isTuple = false;
        while (true)
        {
            if (items.Count > 0)
                ExpectOp(",");
            if (AtTupleEnd(endsAt))
                break;
            if (simplified)
            {
                Enter();
                items.Add(ParsePrimary(withNamespace));
                Leave();
            }
            else
            {
                items.Add(ParseExpression(withCondition));
            }

            if (!Current.IsOp(","))
                break;
            isTuple = true;
        }

        if (!isTuple && items.Count > 0)
            return items[0];
        if (!isTuple && !explicitParentheses)
            throw Fail($"Expected an expression, got {Repr.Quote(Current.Describe())}");
        return new TupleExpr(items) { Line = line };
    }

    private Expr ParseTarget(bool inFor = false, bool withNamespace = false)
    {
        Expr target = ParseTuple(
            simplified: true, endsAt: inFor ? "in" : null, withNamespace: withNamespace);
        CheckTarget(target);
        return target;
    }

    private void CheckTarget(Expr target)
    {
        switch (target)
        {
            case NameExpr or NamespaceTarget:
                return;
            case TupleExpr tuple when tuple.Items.TrueForAll(IsTarget):
                return;
            default:
                string kind = target.GetType() == typeof(TupleExpr) ? "tuple" : target is ConstExpr ? "const"
                    : target is ListExpr ? "list" : target is DictExpr ? "dict" : "expression";
                throw Fail($"can't assign to '{kind}'", target.Line);
        }
    }

    private static bool IsTarget(Expr target) =>
        target is NameExpr or NamespaceTarget || (target is TupleExpr t && t.Items.TrueForAll(IsTarget));

    private ListExpr ParseList()
    {
        int line = Next().Line;
        var items = new List<Expr>();
        while (!Current.IsOp("]"))
        {
            if (items.Count > 0)
                ExpectOp(",");
            if (Current.IsOp("]"))
                break;
            items.Add(ParseExpression());
        }

        ExpectOp("]");
        return new ListExpr(items) { Line = line };
    }

    private DictExpr ParseDict()
    {
        int line = Next().Line;
        var items = new List<(Expr, Expr)>();
        while (!Current.IsOp("}"))
        {
            if (items.Count > 0)
                ExpectOp(",");
            if (Current.IsOp("}"))
                break;
            Expr key = ParseExpression();
            ExpectOp(":");
            items.Add((key, ParseExpression()));
        }

        ExpectOp("}");
        return new DictExpr(items) { Line = line };
    }

    private Expr ParsePostfix(Expr node)
    {
        for (int chain = 0; ; CheckChain(ref chain))
        {
            if (Current.IsOp(".") || Current.IsOp("["))
                node = ParseSubscript(node);
            else if (Current.IsOp("("))
                node = ParseCall(node);
            else
                return node;
        }
    }

    private Expr ParseFilters(Expr node)
    {
        for (int chain = 0; ; CheckChain(ref chain))
        {
            if (Current.IsOp("|"))
                node = ParseFilter(node, startInline: false)!;
            else if (Current.IsName("is"))
                node = ParseTest(node);
            else if (Current.IsOp("("))
                node = ParseCall(node);
            else
                return node;
        }
    }
}
