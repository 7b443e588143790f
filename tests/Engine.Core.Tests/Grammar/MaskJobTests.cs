using System.Text;
using Engine.Grammar;

namespace Engine.Tests.Grammar;

/// <summary>Masks that take longer than a step should are made on another thread, and are the same.</summary>
public sealed class MaskJobTests
{
    private const string Schema = """
        {"type":"object","patternProperties":{"^[a-f]{2,9}$":{"type":"integer"},"[0-9]{2,}":{"type":"boolean"}},
        "additionalProperties":false}
        """;

    private static readonly TokenTrie Vocabulary = new([.. Enumerable.Range(0, 30_000).Select(TokenText)]);

    [Test]
    public void AMaskBeyondTheAllowanceComesFromAnotherThread()
    {
        int[] output = [.. "{\"ab"u8.ToArray().Select(value => (int)value)];
        using GrammarState state = NewState();
        long allowance = 0;
        Assert.That(state.IsReady(output, ref allowance), Is.False);
        state.WaitForMask(TimeSpan.FromSeconds(60));
        Assert.That(state.IsReady(output, ref allowance), Is.True);
        Assert.That(allowance, Is.LessThanOrEqualTo(0));
        Assert.That(Allowed(state, output), Is.EqualTo(Allowed(NewState(), output)));
    }

    [Test]
    public void AWalkGivesUpWithinItsAllowanceAndClaimsNothing([Values(500, 5_000, 50_000)] long work)
    {
        int[] output = [.. "{\"ab"u8.ToArray().Select(value => (int)value)];
        using GrammarState state = NewState();
        long allowance = work;
        bool isReady = state.IsReady(output, ref allowance);
        TestContext.Out.WriteLine($"ready: {isReady}, left: {allowance} of {work}");

        // One step more than allowed, or the nodes between two looks.
        Assert.That(allowance, Is.GreaterThan(-20_000));
        state.WaitForMask(TimeSpan.FromSeconds(60));
        Assert.That(Allowed(state, output), Is.EqualTo(Allowed(NewState(), output)));
    }

    [Test]
    public void AMaskOfTokensTakenBackDoesNotCount()
    {
        int[] drafted = [.. "{\"ab\":"u8.ToArray().Select(value => (int)value)];
        int[] taken = [.. "{\"12\":"u8.ToArray().Select(value => (int)value)];
        using GrammarState state = NewState();
        long allowance = 0;
        Assert.That(state.IsReady(drafted, ref allowance), Is.False);
        state.WaitForMask(TimeSpan.FromSeconds(60));
        while (!state.IsReady(taken, ref allowance))
        {
            state.WaitForMask(TimeSpan.FromSeconds(60));
        }

        Assert.That(Allowed(state, taken), Is.EqualTo(Allowed(NewState(), taken)));
    }

    [Test]
    public void TooManyPositionsOnTheOtherThreadAreToldAsTooCostly()
    {
        Network network = GrammarCompiler.Gbnf(
            "root ::= root root root | \"a\"", GrammarLimits.Default with { MaxPositions = 30 });
        using var state = new GrammarState(new GrammarProgram(network, Vocabulary), []);
        int[] output = [.. Enumerable.Repeat((int)'a', 40)];
        long allowance = 0;
        bool isReady = state.IsReady(output, ref allowance);
        state.WaitForMask(TimeSpan.FromSeconds(60));
        isReady = isReady || state.IsReady(output, ref allowance);
        Assert.That((isReady, state.IsTooCostly), Is.EqualTo((true, true)));
        allowance = 100_000_000;
        Assert.That(state.IsReady([], ref allowance), Is.True, "what comes before can be followed");
        Assert.That(state.IsTooCostly, Is.False);
    }

    private static GrammarState NewState() =>
        new(new GrammarProgram(GrammarCompiler.JsonSchema(Schema), Vocabulary), []);

    private static int[] Allowed(GrammarState state, int[] output)
    {
        Assert.That(state.Follow(output), Is.True);
        var row = new float[Vocabulary.VocabSize];
        state.Apply(row);
        return [.. Enumerable.Range(0, row.Length).Where(id => row[id] == 0)];
    }

    // Bytes, then random words that have something in common with what the schema wants.
    private static byte[] TokenText(int id)
    {
        if (id < 256)
        {
            return [(byte)id];
        }

        const string letters = "abcdef0123456789xyz\":, ";
        var random = new Random(id);
        return Encoding.ASCII.GetBytes(
            string.Concat(Enumerable.Range(0, random.Next(2, 7)).Select(_ => letters[random.Next(letters.Length)])));
    }
}
