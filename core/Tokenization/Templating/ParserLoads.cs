namespace Engine.Tokenization.Templating;

/// <summary>extends, include, import and from: parsed in full so that their errors are the right ones.</summary>
internal sealed partial class Parser
{
    private LoadStmt Load(Token tag)
    {
        Expr template = ParseExpression();
        bool ignoreMissing = false;
        var names = new List<string>();
        switch (tag.Text)
        {
            case "include":
                if (Current.IsName("ignore") && Look.IsName("missing"))
                {
                    ignoreMissing = true;
                    Next();
                    Next();
                }

                SkipContext();
                break;
            case "import":
                ExpectKeyword("as");
                names.Add(TargetName().Name);
                SkipContext();
                break;
            case "from":
                ExpectKeyword("import");
                ImportedNames(names);
                break;
        }

        return new LoadStmt(tag.Text, template, ignoreMissing, names) { Line = tag.Line };
    }

    private bool SkipContext()
    {
        if (!(Current.IsName("with") || Current.IsName("without")) || !Look.IsName("context"))
            return false;
        Next();
        Next();
        return true;
    }

    private void ImportedNames(List<string> names)
    {
        while (true)
        {
            if (names.Count > 0)
                ExpectOp(",");
            if (Current.Type != TokenType.Name)
                throw Expected("name");
            if (SkipContext())
                return;
            NameExpr name = TargetName();
            if (name.Name.StartsWith('_'))
            {
                throw new TemplateException(
                    TemplateErrorKind.TemplateAssertionError,
                    "names starting with an underline can not be imported", name.Line);
            }

            names.Add(SkipKeyword("as") ? TargetName().Name : name.Name);
            if (SkipContext() || !Current.IsOp(","))
                return;
        }
    }
}
