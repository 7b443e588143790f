using System.Text.Json;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>The checker itself, against the instances that came with the schemas.</summary>
[TestFixture]
public sealed class SchemaCheckTests
{
    public static IEnumerable<TestCaseData> Samples() =>
        TestData.JsonLines(TestData.OpenAi("samples.jsonl")).Select((sample, i) => new TestCaseData(sample)
            .SetName($"Sample{i}_{sample.GetProperty("schema").GetString()}"));

    [TestCaseSource(nameof(Samples))]
    public void AnInstanceIsJudgedAsTheReferenceJudgesIt(JsonElement sample)
    {
        JsonElement schema = TestData.Schema(sample.GetProperty("schema").GetString()!);
        string? problem = SchemaCheck.Find(schema, sample.GetProperty("instance"));
        Assert.That(problem is null, Is.EqualTo(sample.GetProperty("valid").GetBoolean()), problem);
    }
}
