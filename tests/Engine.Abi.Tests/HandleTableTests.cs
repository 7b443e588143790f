using Engine.Abi.Handles;

namespace Engine.Abi.Tests;

public sealed class HandleTableTests
{
    [Test]
    public void ALiveHandleGivesItsObject()
    {
        var thing = new Thing();
        nint handle = HandleTable.Publish(thing);
        using (HandlePin<Thing> pin = HandleTable.Pin<Thing>(handle, HandleKind.Params))
        {
            Assert.That(pin.Target, Is.SameAs(thing));
        }

        HandleTable.Release(handle, HandleKind.Params);
    }

    [Test]
    public void ReleaseDestroysOnce()
    {
        var thing = new Thing();
        nint handle = HandleTable.Publish(thing);
        Assert.That(HandleTable.Release(handle, HandleKind.Params), Is.EqualTo(EngineStatus.Ok));
        Assert.That(HandleTable.Release(handle, HandleKind.Params), Is.EqualTo(EngineStatus.InvalidHandle));
        Assert.That(thing.Destroyed, Is.EqualTo(1));
    }

    [Test]
    public void ReleasingNullDoesNothing() =>
        Assert.That(HandleTable.Release(0, HandleKind.Params), Is.EqualTo(EngineStatus.Ok));

    [Test]
    public void AHandleOfAnotherKindIsRefused()
    {
        nint handle = HandleTable.Publish(new Thing());
        Assert.That(StatusOfPin(handle, HandleKind.Engine), Is.EqualTo(EngineStatus.InvalidHandle));
        HandleTable.Release(handle, HandleKind.Params);
    }

    [TestCase(0L)]
    [TestCase(1L)]
    [TestCase(0x1234_5678L)]
    [TestCase(-1L)]
    [TestCase(long.MaxValue)]
    [TestCase(long.MinValue)]
    public void ArbitraryNumbersAreRefused(long value) =>
        Assert.That(StatusOfPin((nint)value, HandleKind.Params), Is.EqualTo(EngineStatus.InvalidHandle));

    [Test]
    public void NeighboursOfALiveHandleAreRefused()
    {
        nint handle = HandleTable.Publish(new Thing());
        for (int offset = -200; offset <= 200; offset++)
        {
            if (offset != 0)
            {
                Assert.That(
                    StatusOfPin(handle + offset, HandleKind.Params), Is.EqualTo(EngineStatus.InvalidHandle));
            }
        }

        HandleTable.Release(handle, HandleKind.Params);
    }

    [Test]
    public void AStaleHandleIsRefusedWhenItsCellIsInUseAgain()
    {
        nint stale = HandleTable.Publish(new Thing());
        HandleTable.Release(stale, HandleKind.Params);
        nint cell = stale & ~(nint)(HandleCell.CellBytes - 1);
        bool reused = false;
        for (int i = 0; i < 2 * HandleTable.QuarantineCells && !reused; i++)
        {
            nint handle = HandleTable.Publish(new Thing());
            reused = (handle & ~(nint)(HandleCell.CellBytes - 1)) == cell;
            if (reused)
            {
                Assert.That(handle, Is.Not.EqualTo(stale));
                Assert.That(i, Is.GreaterThan(HandleTable.QuarantineCells / 2));
                Assert.That(StatusOfPin(stale, HandleKind.Params), Is.EqualTo(EngineStatus.InvalidHandle));
            }

            HandleTable.Release(handle, HandleKind.Params);
        }

        Assert.That(reused, Is.True);
    }

    [Test]
    public void AChildKeepsItsParent()
    {
        var parent = new Thing();
        nint parentHandle = HandleTable.Publish(parent);
        var child = new Thing();
        child.SetParent(parent);
        nint childHandle = HandleTable.Publish(child);
        HandleTable.Release(parentHandle, HandleKind.Params);
        Assert.That(parent.Destroyed, Is.Zero);
        HandleTable.Release(childHandle, HandleKind.Params);
        Assert.That(parent.Destroyed, Is.EqualTo(1));
    }

    [Test]
    public void ACallUnderWayKeepsItsObject()
    {
        var thing = new Thing();
        nint handle = HandleTable.Publish(thing);
        HandlePin<Thing> pin = HandleTable.Pin<Thing>(handle, HandleKind.Params);
        HandleTable.Release(handle, HandleKind.Params);
        Assert.That(thing.Destroyed, Is.Zero);
        pin.Dispose();
        Assert.That(thing.Destroyed, Is.EqualTo(1));
    }

    [Test]
    public void ThreadsThatPinAndReleaseDestroyEachObjectOnce()
    {
        var things = new Thing[2000];
        nint[] handles = new nint[things.Length];
        for (int i = 0; i < things.Length; i++)
        {
            things[i] = new Thing();
            handles[i] = HandleTable.Publish(things[i]);
        }

        int released = 0;
        Parallel.For(0, 4 * things.Length, i =>
        {
            nint handle = handles[i % handles.Length];
            StatusOfPin(handle, HandleKind.Params);
            if (HandleTable.Release(handle, HandleKind.Params) == EngineStatus.Ok)
            {
                Interlocked.Increment(ref released);
            }
        });
        Assert.That(released, Is.EqualTo(things.Length));
        Assert.That(things.All(thing => thing.Destroyed == 1), Is.True);
    }

    private static EngineStatus StatusOfPin(nint handle, HandleKind kind)
    {
        try
        {
            HandleTable.Pin<HandleObject>(handle, kind).Dispose();
            return EngineStatus.Ok;
        }
        catch (EngineException e)
        {
            return e.Status;
        }
    }

    private sealed class Thing : HandleObject
    {
        private int _destroyed;

        public override HandleKind Kind => HandleKind.Params;

        public int Destroyed => _destroyed;

        protected override void Destroy() => Interlocked.Increment(ref _destroyed);
    }
}
