using System.Reflection;
using System.Runtime.InteropServices;
using Engine.Abi.Generator;
using Engine.Abi.Handles;

namespace Engine.Abi.Tests;

/// <summary>No exception crosses the ABI, because nothing but the generated wrappers is exported.</summary>
[NonParallelizable]
public sealed unsafe class ExportTests
{
    private static readonly MethodInfo[] _exports = typeof(Guard).Assembly.GetTypes()
        .SelectMany(type => type.GetMethods(
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.DeclaredOnly))
        .Where(method => method.GetCustomAttribute<UnmanagedCallersOnlyAttribute>() is not null)
        .ToArray();

    private static IEnumerable<MethodInfo> Guarded => _exports.Where(export => export.Name != "Start");

    [Test]
    public void EveryExportIsInTheGeneratedClass() =>
        Assert.That(_exports.Select(export => export.DeclaringType), Is.All.EqualTo(typeof(Exports)));

    [Test]
    public void EveryAbiFunctionHasAnExport()
    {
        AbiModel model = new ModelReader(typeof(Guard).Assembly).Read();
        IEnumerable<string> expected = model.Functions.Where(f => !f.IsNative)
            .Select(NativeEmitters.ManagedName).Append("engineimpl__start");
        Assert.That(
            _exports.Select(e => e.GetCustomAttribute<UnmanagedCallersOnlyAttribute>()!.EntryPoint),
            Is.EquivalentTo(expected));
    }

    [TestCaseSource(nameof(Guarded))]
    public void AnInjectedThrowBecomesAStatus(MethodInfo export)
    {
        Guard.BeforeCall = () => throw new InvalidOperationException("injected");
        try
        {
            long result = Call(export, 0);
            bool isStatus = export.ReturnType == typeof(int) && export.Name != "ErrorRetryable";
            Assert.That((int)result, Is.EqualTo(isStatus ? (int)EngineStatus.Internal : 0));
        }
        finally
        {
            Guard.BeforeCall = null;
        }
    }

    [TestCaseSource(nameof(Guarded))]
    public void NullsEverywhereAreRefusedOrHarmless(MethodInfo export)
    {
        long result = Call(export, 0);
        if (export.ReturnType != typeof(int))
        {
            Assert.Pass("gives no status");
        }

        Assert.That((int)result, Is.AnyOf(
            (int)EngineStatus.Ok, (int)EngineStatus.InvalidArgument, (int)EngineStatus.InvalidHandle));
    }

    [TestCaseSource(nameof(Guarded))]
    public void AnErrorObjectComesWithEveryFailure(MethodInfo export)
    {
        int position = Array.FindIndex(export.GetParameters(), p => p.Name == "err");
        if (position < 0)
        {
            Assert.Pass("takes no error");
        }

        ErrorHandle error = default;
        Guard.BeforeCall = () => throw new EngineException(EngineStatus.Io, "injected", "field");
        try
        {
            Call(export, 0, position, (nint)(&error));
        }
        finally
        {
            Guard.BeforeCall = null;
        }

        using (HandlePin<ErrorObject> pin = HandleTable.Pin<ErrorObject>(error.Value, HandleKind.Error))
        {
            Assert.That(pin.Target.Status, Is.EqualTo(EngineStatus.Io));
            Assert.That(Marshal.PtrToStringUTF8((nint)pin.Target.Message), Is.EqualTo("injected"));
            Assert.That(Marshal.PtrToStringUTF8((nint)pin.Target.Parameter), Is.EqualTo("field"));
        }

        HandleTable.Release(error.Value, HandleKind.Error);
    }

    /// <summary>Integers and pointers alike travel in registers or 8-byte slots: all are passed as nint.</summary>
    private static long Call(MethodInfo export, nint fill, int position = -1, nint value = 0)
    {
        Assert.That(export.GetParameters(), Has.Length.LessThanOrEqualTo(8));
        nint f = export.MethodHandle.GetFunctionPointer();
        nint* a = stackalloc nint[8];
        for (int i = 0; i < 8; i++)
        {
            a[i] = i == position ? value : fill;
        }

        // A double travels in another register file, so what follows it moves up one place.
        int real = Array.FindIndex(export.GetParameters(), p => p.ParameterType == typeof(double));
        for (int i = real; real >= 0 && i < 7; i++)
        {
            a[i] = a[i + 1];
        }

        return ((delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint, long>)f)(
            a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    }
}
