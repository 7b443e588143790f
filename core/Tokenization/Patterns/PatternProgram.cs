namespace Engine.Tokenization.Patterns;

internal enum PatternOp : byte
{
    Char,
    Set,
    Run,
    RunLazy,
    RunPossessive,
    Split,
    Jump,
    Next,
    Previous,
    Assert,
    Look,
    Atomic,
    Accept,
}

/// <summary>One step of a compiled pattern; which fields mean something depends on the op.</summary>
internal struct PatternInstruction
{
    public PatternOp Op;
    public bool Negative;
    public AssertionKind Assertion;

    /// <summary>Char: the code point. Split: first branch. Jump: target. Look, Atomic: entry.</summary>
    public int A;

    /// <summary>Split: second branch. Look: width looked back, or -1 if ahead.</summary>
    public int B;

    /// <summary>Runs: bounds of the count; Max is int.MaxValue without a bound.</summary>
    public int Min;

    public int Max;
    public CharSet? Set;

    /// <summary>Split: what each branch can begin with; null is anything, even nothing.</summary>
    public CharSet? FirstA;

    public CharSet? FirstB;
}

/// <summary>Compiles a parsed pattern for PatternMatcher.</summary>
internal sealed class PatternProgram
{
    private const int MaxInstructions = 20_000;
    private readonly List<PatternInstruction> _code = [];
    private readonly List<(int At, PatternNode Body)> _pending = [];

    private PatternProgram()
    {
    }

    public static PatternInstruction[] Compile(PatternNode node)
    {
        PatternProgram program = new();
        program.Emit(node);
        program.Add(new PatternInstruction { Op = PatternOp.Accept });
        for (int i = 0; i < program._pending.Count; i++)
        {
            // Bodies of lookarounds and atomic groups are programs of their own, after the main.
            (int at, PatternNode body) = program._pending[i];
            PatternInstruction owner = program._code[at];
            owner.A = program._code.Count;
            program._code[at] = owner;
            program.Emit(body);
            program.Add(new PatternInstruction { Op = PatternOp.Accept });
        }

        return [.. program._code];
    }

    /// <summary>What a match can begin with; null if it can be empty or depends on more.</summary>
    public static CharSet? First(PatternNode node)
    {
        switch (node.Kind)
        {
            case PatternNodeKind.Set:
                return node.Set;
            case PatternNodeKind.Atomic:
                return First(node.Body);
            case PatternNodeKind.Repeat:
                return node.Min == 0 ? null : First(node.Body);
            case PatternNodeKind.Alternation:
                CharSet all = CharSet.Empty;
                foreach (PatternNode item in node.Items)
                {
                    if (First(item) is not CharSet first)
                    {
                        return null;
                    }

                    all = all.Union(first);
                }

                return all;
            case PatternNodeKind.Sequence:
                return FirstOfSequence(node);
            default:
                return null;
        }
    }

    private static CharSet? FirstOfSequence(PatternNode node)
    {
        CharSet seen = CharSet.Empty;
        foreach (PatternNode item in node.Items)
        {
            if (First(item) is CharSet first)
            {
                return seen.Union(first);
            }

            // Something optional: whatever it begins with, or what follows it.
            if (item.Kind is PatternNodeKind.Look or PatternNodeKind.Assertion)
            {
                continue;
            }

            if (item.Kind != PatternNodeKind.Repeat || First(item.Body) is not CharSet body)
            {
                return null;
            }

            seen = seen.Union(body);
        }

        return null;
    }

    private int Add(PatternInstruction instruction)
    {
        if (_code.Count == MaxInstructions)
        {
            throw new EngineException(
                EngineStatus.Unsupported,
                $"A pattern compiles to more than {MaxInstructions} instructions.");
        }

        _code.Add(instruction);
        return _code.Count - 1;
    }

    private void Emit(PatternNode node)
    {
        switch (node.Kind)
        {
            case PatternNodeKind.Set:
                int single = node.Set!.Single;
                Add(single >= 0 ? new PatternInstruction { Op = PatternOp.Char, A = single }
                    : new PatternInstruction { Op = PatternOp.Set, Set = node.Set });
                break;
            case PatternNodeKind.Sequence:
                node.Items.ForEach(Emit);
                break;
            case PatternNodeKind.Alternation:
                EmitAlternation(node.Items);
                break;
            case PatternNodeKind.Repeat:
                EmitRepeat(node);
                break;
            case PatternNodeKind.Look:
                EmitLook(node);
                break;
            case PatternNodeKind.Atomic:
                EmitAtomic(node.Body);
                break;
            case PatternNodeKind.Assertion:
                Add(new PatternInstruction { Op = PatternOp.Assert, Assertion = node.Assertion });
                break;
        }
    }

    private void EmitAlternation(List<PatternNode> items)
    {
        List<int> jumps = [];
        List<CharSet?> firsts = items.ConvertAll(First);
        for (int i = 0; i < items.Count - 1; i++)
        {
            int split = Add(new PatternInstruction { Op = PatternOp.Split });
            Emit(items[i]);
            jumps.Add(Add(new PatternInstruction { Op = PatternOp.Jump }));
            CharSet? rest = firsts[i + 1];
            for (int k = i + 2; k < items.Count; k++)
            {
                rest = rest is null || firsts[k] is null ? null : rest.Union(firsts[k]!);
            }

            _code[split] = new PatternInstruction
            {
                Op = PatternOp.Split,
                A = split + 1,
                B = _code.Count,
                FirstA = firsts[i],
                FirstB = rest,
            };
        }

        Emit(items[^1]);
        foreach (int jump in jumps)
        {
            _code[jump] = new PatternInstruction { Op = PatternOp.Jump, A = _code.Count };
        }
    }

    private void EmitRepeat(PatternNode node)
    {
        if (node.Body.Kind == PatternNodeKind.Set)
        {
            Add(new PatternInstruction
            {
                Op = node.Repeat switch
                {
                    RepeatKind.Lazy => PatternOp.RunLazy,
                    RepeatKind.Possessive => PatternOp.RunPossessive,
                    _ => PatternOp.Run,
                },
                Set = node.Body.Set,
                Min = node.Min,
                Max = node.Max < 0 ? int.MaxValue : node.Max,
            });
            return;
        }

        if (node.Repeat == RepeatKind.Possessive)
        {
            EmitAtomic(new PatternNode(PatternNodeKind.Repeat)
            {
                Items = node.Items,
                Min = node.Min,
                Max = node.Max,
            });
            return;
        }

        for (int i = 0; i < node.Min; i++)
        {
            Emit(node.Body);
        }

        if (node.Max < 0)
        {
            int split = Add(new PatternInstruction { Op = PatternOp.Split });
            Emit(node.Body);
            Add(new PatternInstruction { Op = PatternOp.Jump, A = split });
            SetSplit(split, node);
            return;
        }

        List<int> splits = [];
        for (int i = node.Min; i < node.Max; i++)
        {
            splits.Add(Add(new PatternInstruction { Op = PatternOp.Split }));
            Emit(node.Body);
        }

        splits.ForEach(split => SetSplit(split, node));
    }

    private void SetSplit(int split, PatternNode node)
    {
        bool lazy = node.Repeat == RepeatKind.Lazy;
        CharSet? first = First(node.Body);
        _code[split] = new PatternInstruction
        {
            Op = PatternOp.Split,
            A = lazy ? _code.Count : split + 1,
            B = lazy ? split + 1 : _code.Count,
            FirstA = lazy ? null : first,
            FirstB = lazy ? first : null,
        };
    }

    private void EmitAtomic(PatternNode body)
    {
        int at = Add(new PatternInstruction { Op = PatternOp.Atomic });
        _pending.Add((at, body));
    }

    private void EmitLook(PatternNode node)
    {
        if (node.Body.Kind == PatternNodeKind.Set)
        {
            Add(new PatternInstruction
            {
                Op = node.Behind ? PatternOp.Previous : PatternOp.Next,
                Set = node.Body.Set,
                Negative = node.Negative,
            });
            return;
        }

        if (node.Behind)
        {
            EmitLookBehind(node);
            return;
        }

        if (HasAtomic(node.Body))
        {
            throw new EngineException(
                EngineStatus.Unsupported, "A pattern has an atomic group inside a lookahead.");
        }

        int at = Add(new PatternInstruction
        {
            Op = PatternOp.Look,
            Negative = node.Negative,
            B = -1,
        });
        _pending.Add((at, node.Body));
    }

    private static bool HasAtomic(PatternNode node) =>
        node.Kind == PatternNodeKind.Atomic
        || (node.Kind == PatternNodeKind.Repeat && node.Repeat == RepeatKind.Possessive
            && node.Body.Kind != PatternNodeKind.Set)
        || (node.Kind == PatternNodeKind.Look && node.Behind && node.Body.Kind != PatternNodeKind.Set)
        || node.Items.Exists(HasAtomic);

    // A branch of its own for each alternative: only fixed widths can be looked back at.
    private void EmitLookBehind(PatternNode node)
    {
        List<PatternNode> branches = node.Body.Kind == PatternNodeKind.Alternation
            ? node.Body.Items : [node.Body];
        List<int> jumps = [];
        for (int i = 0; i < branches.Count; i++)
        {
            (int min, int max) = branches[i].Width();
            if (min != max)
            {
                throw new EngineException(
                    EngineStatus.Unsupported, "A pattern looks behind by a varying width.");
            }

            int split = !node.Negative && i < branches.Count - 1
                ? Add(new PatternInstruction { Op = PatternOp.Split }) : -1;
            int at = Add(new PatternInstruction
            {
                Op = PatternOp.Look,
                Negative = node.Negative,
                B = min,
            });
            _pending.Add((at, branches[i]));
            if (split >= 0)
            {
                jumps.Add(Add(new PatternInstruction { Op = PatternOp.Jump }));
                _code[split] = new PatternInstruction
                {
                    Op = PatternOp.Split,
                    A = split + 1,
                    B = _code.Count,
                };
            }
        }

        foreach (int jump in jumps)
        {
            _code[jump] = new PatternInstruction { Op = PatternOp.Jump, A = _code.Count };
        }
    }
}
