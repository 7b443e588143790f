namespace Engine.Tokenization.Templating;

internal enum TokenType
{
    Data,
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    Eof,
}

/// <summary>One token; Text is the name, operator, data or decoded string.</summary>
internal readonly record struct Token(TokenType Type, string Text, object? Value, int Line)
{
    public bool IsName(string name) => Type == TokenType.Name && Text == name;

    public bool IsOp(string op) => Type == TokenType.Operator && Text == op;

    public string Describe() => Type switch
    {
        TokenType.Name or TokenType.Operator => Text,
        TokenType.BlockBegin => "begin of statement block",
        TokenType.BlockEnd => "end of statement block",
        TokenType.VariableBegin => "begin of print statement",
        TokenType.VariableEnd => "end of print statement",
        TokenType.Data => "template data / text",
        TokenType.Eof => "end of template",
        TokenType.String => "string",
        TokenType.Integer => "integer",
        _ => "float",
    };
}
