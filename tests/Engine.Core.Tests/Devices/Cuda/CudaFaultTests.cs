using Engine.Devices.Cuda;
using Engine.Diagnostics;
using Engine.Hosting;
using Engine.Memory;
using Engine.Sampling;
using Engine.Tests.Hosting;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// Every function of the driver fails in turn, at its first call, its last, and some between, while a model is loaded,
/// serves, sleeps, wakes, serves and is closed.
/// </summary>
[TestFixture]
internal sealed class CudaFaultTests
{
    private static readonly FakeCudaOptions _quick = new() { GuardsMemory = false };

    private static readonly Lazy<Outcome> _expected = new(() =>
    {
        using FakeCuda fake = new(_quick);
        return Serve("nothing fails");
    });

    private const string OpenFunctions = "cuInit cuDriverGetVersion cuDeviceGetCount cuDeviceGet cuDeviceGetName "
        + "cuDeviceGetAttribute cuDevicePrimaryCtxRetain";

    [Test]
    public void A_final_error_of_any_call_ends_every_request_and_every_call()
    {
        CudaResult[] codes =
        [
            CudaResult.IllegalAddress, CudaResult.LaunchFailed, CudaResult.EccUncorrectable, CudaResult.NotReady,
            CudaResult.Unknown, CudaResult.SystemDriverMismatch, (CudaResult)12345,
        ];
        int numLost = 0, i = TestContext.CurrentContext.Random.Next(codes.Length);
        foreach ((string function, int n) in Places())
        {
            CudaResult code = codes[++i % codes.Length];
            using FakeCuda fake = new(_quick);
            fake.FailCall(function, n, code, isFinal: true);
            string place = $"{function} {n}: {code}";
            Outcome found = Serve(place, isFinal: true);
            Assert.That(
                found.Requests.Zip(_expected.Value.Requests).All(p => p.Second.Tokens.StartsWith(p.First.Tokens)),
                $"{place}: what was told before the device was lost is not right");
            if (OpenFunctions.Contains(function, StringComparison.Ordinal))
            {
                // At first, or in waking up, which a caller may try again.
                if (function == "cuDeviceGetName") continue;
                EngineStatus opening = found.Opening == EngineStatus.Ok ? found.Waking : found.Opening;
                Assert.That(opening, Is.EqualTo(EngineStatus.Unsupported).Or.EqualTo(EngineStatus.DeviceLost), place);
                continue;
            }

            Assert.That(fake.Counters.CallsAfterLost, Is.Zero, $"{place}: {fake.Message}");
            numLost += found.Requests.Count(r => r.Status == EngineStatus.DeviceLost);
            Assert.That(found.All.Where(s => s != EngineStatus.Ok), Is.All.EqualTo(EngineStatus.DeviceLost), place);
        }

        Assert.That(numLost, Is.GreaterThan(30));
    }

    [Test]
    public void Memory_that_one_call_does_not_get_costs_that_call_and_no_token()
    {
        foreach ((string function, int n) in Places())
        {
            using FakeCuda fake = new(_quick);
            CudaResult code = function is "cuLaunchKernelEx" or "cuGraphLaunch" && n % 2 == 0
                ? CudaResult.LaunchOutOfResources : CudaResult.OutOfMemory;
            fake.FailCall(function, n, code, isFinal: false);
            string place = $"{function} {n}: {code}";
            Outcome found = Serve(place);
            Assert.That(
                found.All.Where(s => s != EngineStatus.Ok), Is.All.EqualTo(EngineStatus.OutOfMemory), place);
            if (found.Opening == EngineStatus.Ok)
            {
                Assert.That(found.Requests, Is.EqualTo(_expected.Value.Requests), place);
            }

            // A free that fails has nobody to ask again.
            if (!Frees(function)) Assert.That(fake.Counters.Live, Is.Zero, place);
        }
    }

    [Test]
    public void A_call_that_is_refused_fails_the_engine_in_order_and_leaves_nothing()
    {
        foreach ((string function, int n) in Places())
        {
            using FakeCuda fake = new(_quick);
            fake.FailCall(function, n, CudaResult.InvalidValue, isFinal: false);
            string place = $"{function} {n}";
            Outcome found = Serve(place);
            Assert.That(
                found.All.Where(s => s != EngineStatus.Ok),
                Is.All.EqualTo(EngineStatus.EngineFailed).Or.EqualTo(EngineStatus.Internal)
                    .Or.EqualTo(EngineStatus.Unsupported), place);
            Assert.That(
                found.Requests.Zip(_expected.Value.Requests).All(p => p.Second.Tokens.StartsWith(p.First.Tokens)),
                place);
            if (!Frees(function)) Assert.That(fake.Counters.Live, Is.Zero, place);
        }
    }

    private static bool Frees(string function) =>
        function.Contains("Free", StringComparison.Ordinal) || function.Contains("Destroy", StringComparison.Ordinal)
        || function.Contains("Release", StringComparison.Ordinal)
        || function.Contains("Unload", StringComparison.Ordinal);

    // Functions that serving calls, and the calls that are to fail.
    private static List<(string Function, int N)> Places()
    {
        Assert.That(_expected.Value.All, Is.All.EqualTo(EngineStatus.Ok));
        int seed = TestContext.CurrentContext.Random.Next(1000);
        TestContext.Out.WriteLine($"seed {seed}");
        Random random = new(seed);
        List<(string, int)> places = [];
        using FakeCuda fake = new(_quick);
        Serve("counting");
        foreach ((string function, long count) in fake.Calls())
        {
            int[] some = [0, (int)count - 1, random.Next((int)count)];
            places.AddRange(some.Distinct().Select(n => (function, n)));
        }

        Assert.That(places.Select(p => p.Item1).Distinct().Count(), Is.GreaterThan(30));
        return places;
    }

    private static Outcome Serve(string place, bool isFinal = false)
    {
        Outcome outcome = new();
        LoadedModel? model = null;
        EngineWorker? worker = null;
        try
        {
            model = CudaTinyModel.Load(CudaTinyModel.Folder, FakeCuda.DeviceOptions(DType.BF16));
            worker = new EngineWorker(model, new EngineOptions
            {
                NumBlocks = 12,
                MaxNumSeqs = 3,
                MaxNumBatchedTokens = 24,
                MaxModelLen = 64,
            });
        }
        catch (EngineException e)
        {
            outcome.Opening = e.Status;
            Assert.That(e.Message, Does.Contain("cuda").Or.Contain("device"), place);
        }

        if (worker is not null)
        {
            Ask(worker, outcome, 3, place);
            outcome.Sleeping = Try(() => worker.SleepAsync(2).Wait(TimeSpan.FromSeconds(20)), place);
            outcome.Waking = Try(() => worker.WakeUpAsync().Wait(TimeSpan.FromSeconds(20)), place);
            bool isAwake = true;
            if (outcome.Waking is not (EngineStatus.Ok or EngineStatus.DeviceLost or EngineStatus.EngineFailed))
            {
                // It sleeps on, and the next attempt finds everything as it was.
                EngineStatus again = Try(() => worker.WakeUpAsync().Wait(TimeSpan.FromSeconds(20)), place);
                isAwake = again == EngineStatus.Ok;
                Assert.That(isAwake || (isFinal && again == EngineStatus.Unsupported), $"{place}: {again}");
            }

            if (isAwake) Ask(worker, outcome, 1, place);
            EngineHealth health = worker.Health;
            Assert.That(
                health.State == EngineHealthState.Failed,
                Is.EqualTo(outcome.Requests.Exists(r => r.Status != EngineStatus.Ok)), place);
        }

        worker?.Dispose();
        model?.Dispose();
        return outcome;
    }

    private static void Ask(EngineWorker worker, Outcome outcome, int count, string place)
    {
        CollectingSink[] sinks = [.. Enumerable.Range(0, count).Select(_ => new CollectingSink())];
        EngineStatus[] refused = new EngineStatus[count];
        for (int i = 0; i < count; i++)
        {
            int index = i;
            GenerationRequest request = new()
            {
                PromptTokenIds = [.. Enumerable.Range(1 + i, 3 + (9 * i))],
                Sampling = new SamplingParams
                {
                    Temperature = i % 2,
                    Seed = i,
                    Logprobs = i == 2 ? 1 : null,
                    MaxTokens = 9 - (2 * i),
                    IgnoreEos = true,
                    Detokenize = false,
                },
            };
            refused[i] = Try(() => worker.Submit(request, sinks[index]), place);
        }

        for (int i = 0; i < count; i++)
        {
            if (refused[i] == EngineStatus.Ok) Assert.That(() => sinks[i].WaitForEnd(), Throws.Nothing, place);
            outcome.Requests.Add((
                string.Join(' ', sinks[i].Tokens()),
                refused[i] != EngineStatus.Ok ? refused[i] : sinks[i].Last.Error?.Status ?? EngineStatus.Ok));
        }
    }

    private static EngineStatus Try(Action action, string place)
    {
        try
        {
            action();
            return EngineStatus.Ok;
        }
        catch (AggregateException e) when (e.InnerException is EngineException inner)
        {
            return inner.Status;
        }
        catch (EngineException e)
        {
            Assert.That(e.Message, Is.Not.Empty, place);
            return e.Status;
        }
    }

    private sealed class Outcome
    {
        public EngineStatus Opening { get; set; }

        public EngineStatus Sleeping { get; set; }

        public EngineStatus Waking { get; set; }

        public List<(string Tokens, EngineStatus Status)> Requests { get; } = [];

        public IEnumerable<EngineStatus> All => [Opening, Sleeping, Waking, .. Requests.Select(r => r.Status)];
    }
}
