using Engine.Hosting;
using Engine.Server.Http;
using Engine.Server.Http.Hosting;
using Engine.Server.Tests.Support;

namespace Engine.Server.Tests.Http;

/// <summary>/metrics as Prometheus and vLLM's dashboard read it.</summary>
[TestFixture]
public sealed class MetricsTests
{
    // What the panels of vLLM's Grafana dashboard and of routers and scalers ask for, and the type that they need.
    private static readonly (string Name, string Type)[] _dashboard =
    [
        ("vllm:e2e_request_latency_seconds", "histogram"),
        ("vllm:prompt_tokens_total", "counter"),
        ("vllm:generation_tokens_total", "counter"),
        ("vllm:time_per_output_token_seconds", "histogram"),
        ("vllm:inter_token_latency_seconds", "histogram"),
        ("vllm:time_to_first_token_seconds", "histogram"),
        ("vllm:num_requests_running", "gauge"),
        ("vllm:num_requests_waiting", "gauge"),
        ("vllm:kv_cache_usage_perc", "gauge"),
        ("vllm:gpu_cache_usage_perc", "gauge"),
        ("vllm:request_prompt_tokens", "histogram"),
        ("vllm:request_generation_tokens", "histogram"),
        ("vllm:request_max_num_generation_tokens", "histogram"),
        ("vllm:request_params_max_tokens", "histogram"),
        ("vllm:request_params_n", "histogram"),
        ("vllm:request_success_total", "counter"),
        ("vllm:request_queue_time_seconds", "histogram"),
        ("vllm:request_prefill_time_seconds", "histogram"),
        ("vllm:request_decode_time_seconds", "histogram"),
        ("vllm:request_inference_time_seconds", "histogram"),
        ("vllm:prefix_cache_queries_total", "counter"),
        ("vllm:prefix_cache_hits_total", "counter"),
        ("vllm:num_preemptions_total", "counter"),
        ("vllm:iteration_tokens_total", "histogram"),
        ("vllm:cache_config_info", "gauge"),
        ("vllm:lora_requests_info", "gauge"),
        ("vllm:engine_sleep_state", "gauge"),
    ];

    [Test]
    public async Task TheExpositionIsFreeOfWhatPromtoolObjectsTo([Values("m", "a \"b\" \\ c\nd{}")] string name)
    {
        await using TestServer server = await StartAsync(name);
        using (await server.PostAsync("/v1/completions", """{"prompt":"Hi","max_tokens":3}""")) { }
        using (await server.PostAsync("/v1/completions", """{"prompt":3}""")) { }
        var check = ExpositionCheck.Read(await server.Client.GetStringAsync("/metrics"));

        // The one name of vLLM's that breaks a rule: a histogram that ends in _total.
        Assert.That(check.Problems, Is.EquivalentTo(new[] { "vllm:iteration_tokens_total is a histogram" }));
    }

    [Test]
    public async Task PromtoolObjectsToVllmsNamesAlone()
    {
        string? promtool = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => Path.Combine(folder, "promtool")).FirstOrDefault(File.Exists);
        if (promtool is null)
        {
            Assert.Ignore("promtool is not on the PATH (eng/install-deps.sh test installs it)");
        }

        await using TestServer server = await StartAsync("a \"b\" \\ c\nd{}");
        using (await server.PostAsync("/v1/completions", """{"prompt":"Hi","max_tokens":3}""")) { }
        string file = Path.Combine(TestContext.CurrentContext.WorkDirectory, "metrics.txt");
        await File.WriteAllTextAsync(file, await server.Client.GetStringAsync("/metrics"));
        (_, string output, string error) = await ExternalProgram.RunAsync(
            "sh", ["-c", "\"$0\" check metrics < \"$1\"", promtool!, file]);
        string[] objections =
        [
            .. (output + error).Split('\n').Where(line => line.Length > 0
                && !line.EndsWith("metric names should not contain ':'", StringComparison.Ordinal)),
        ];
        Assert.That(objections, Is.EqualTo(new[]
        {
            "vllm:iteration_tokens_total non-counter metrics should not have \"_total\" suffix",
        }));
    }

    [Test]
    public async Task EveryMetricOfTheDashboardIsThereWithItsTypeAndLabels()
    {
        await using TestServer server = await StartAsync("m");
        using (await server.PostAsync("/v1/completions", """{"prompt":"Hi","max_tokens":3}""")) { }
        var check = ExpositionCheck.Read(await server.Client.GetStringAsync("/metrics"));
        using (Assert.EnterMultipleScope())
        {
            foreach ((string name, string type) in _dashboard)
            {
                Assert.That(check.Types.GetValueOrDefault(name), Is.EqualTo(type), name);
                if (!name.EndsWith("_info", StringComparison.Ordinal))
                {
                    Assert.That(check.Labels[name], Is.SupersetOf(new[] { "engine", "model_name" }), name);
                }
            }

            Assert.That(check.Labels["vllm:request_success_total"], Does.Contain("finished_reason"));
        }
    }

    [Test]
    public async Task ARequestIsCountedByWhatItAskedForAndGot()
    {
        await using TestServer server = await StartAsync("m");
        using (await server.PostAsync("/v1/completions", """{"prompt":"Hi","max_tokens":3,"n":2}""")) { }
        string text = await server.Client.GetStringAsync("/metrics");
        using (Assert.EnterMultipleScope())
        {
            const string labels = "{engine=\"0\",model_name=\"m\"}";
            Assert.That(text, Does.Contain($"vllm:request_params_n_sum{labels} 2\n"));
            Assert.That(text, Does.Contain($"vllm:request_params_max_tokens_sum{labels} 3\n"));
            Assert.That(text, Does.Contain($"vllm:request_max_num_generation_tokens_sum{labels} 3\n"));
            Assert.That(text, Does.Contain($"vllm:request_generation_tokens_sum{labels} 6\n"));
        }
    }

    private static Task<TestServer> StartAsync(string name) => TestServer.StartAsync(
        new ServedModel
        {
            Engine = new WorkerBackend(FakeModel.CreateWorker("fake:eos_period=0", new EngineOptions())),
            Names = [name],
            Root = "fake:",
        },
        null,
        new ServerOptions { Port = 0 });
}
