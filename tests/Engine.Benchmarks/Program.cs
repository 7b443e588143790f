using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Engine.Benchmarks.Accuracy;

if (args is ["grammar", .. string[] grammar]) return Engine.Benchmarks.Grammar.MaskTable.Run(grammar);
if (args is ["sampling", .. string[] sampling]) return Engine.Benchmarks.Sampling.SamplingTable.Run(sampling);
if (args is ["accuracy", .. string[] rest]) return AccuracyTable.Run(rest);

// In this process: the native library is found beside the assembly, and nothing is compiled per benchmark.
IConfig config = DefaultConfig.Instance
    .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
    .WithOptions(ConfigOptions.JoinSummary);
BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config);
return 0;
