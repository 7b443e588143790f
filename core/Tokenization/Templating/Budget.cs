using System.Runtime.CompilerServices;

namespace Engine.Tokenization.Templating;

/// <summary>
/// The operations that a rendering may still spend. Comparing, hashing and printing values happens far
/// from the interpreter's state, so the budget of the running thread is found through a thread static.
/// </summary>
internal sealed class Budget(TemplateLimits limits)
{
    private const int CharsPerOperation = 64;

    [ThreadStatic]
    private static Budget? _current;

    private long _left = limits.OperationsMax;
    private int _callDepth;

    public TemplateLimits Limits => limits;

    public long Spent => limits.OperationsMax - _left;

    public static Budget? Swap(Budget? budget)
    {
        Budget? old = _current;
        _current = budget;
        return old;
    }

    /// <summary>Spends operations of the rendering that runs on this thread.</summary>
    public static void Charge(long operations) => _current?.Spend(operations);

    /// <summary>Charges for producing text; call it before allocating.</summary>
    public static void ChargeText(long chars)
    {
        if (_current is not Budget budget)
            return;
        if (chars > budget.Limits.TextCharsMax)
            throw TemplateException.Limit($"a text of {chars} characters is too long");
        budget.Spend(1 + (chars / CharsPerOperation));
    }

    public static void CheckDepth(int depth)
    {
        if (depth > (_current?.Limits.ValueDepthMax ?? TemplateLimits.Default.ValueDepthMax))
            throw TemplateException.Recursion();
    }

    /// <summary>Spends operations. Every level of evaluation comes here, so the stack is checked too.</summary>
    public void Spend(long operations)
    {
        _left -= operations;
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw TemplateException.Recursion();
        if (_left < 0)
        {
            throw TemplateException.Limit(
                $"the template needs more than {limits.OperationsMax} operations");
        }
    }

    /// <summary>Enters a macro, block or recursive loop; balance with <see cref="Leave"/>.</summary>
    public void Enter()
    {
        if (++_callDepth > limits.CallDepthMax)
            throw TemplateException.Recursion();
    }

    public void Leave() => _callDepth--;
}
