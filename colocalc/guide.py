"""What to try first, and the examples at the end of each command's help."""

FIRST = """\
What does a GPU fleet train, earn and cover? Every number with its source.

Start with a fleet that ships, such as xAI's Colossus 1:
  colocalc report colossus-1        all of it: MFU, lease, hedge, claims weighed
  colocalc mfu meta-llama3-16k      where the peak goes, stage by stage
  colocalc lease neocloud-1k-h100   revenue, cash flow, debt and returns
  colocalc catalog fleets           every fleet that ships

Ask what if, and why:
  colocalc hedge colossus-1 --set lease.rate_usd_per_gpu_h=3
  colocalc explain hedge.gross_share colossus-1

Then describe your own:
  colocalc init                     writes fleet.yaml, commented
  colocalc report fleet.yaml -o report.md

All commands: colocalc --help
"""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "mfu": (
        "colocalc mfu meta-llama3-16k",
        "colocalc mfu colossus-1 --scenario isolation --format json",
        "colocalc mfu colossus-1 --set reliability.restart_s=300",
    ),
    "lease": (
        "colocalc lease --rate-card",
        "colocalc lease colossus-1 --rate-card market-3yr",
        "colocalc lease neocloud-1k-h100 -o model.xlsx",
        "colocalc lease neocloud-1k-h100 --csv-shape focus -o bill.csv",
    ),
    "hedge": ("colocalc hedge colossus-1", "colocalc hedge colossus-1 --set lease.billed_share=0.9"),
    "h100e": ("colocalc h100e colossus-1", "colocalc h100e colossus-1 --scenario superchips"),
    "report": ("colocalc report colossus-1", "colocalc report fleet.yaml -o report.html"),
    "train-or-lease": (
        "colocalc train-or-lease colossus-1",
        "colocalc train-or-lease colossus-1 --set training.split=partitions",
    ),
    "layout": (
        "colocalc layout meta-llama3-16k --top 5",
        "colocalc layout meta-llama3-16k --allow tp=8 --allow pp=8,16",
    ),
    "check": (
        "colocalc check fleet.yaml",
        'colocalc check colossus-1 --expect "hedge.gross_share > 0.8"',
        "colocalc check fleet.yaml --resolved -o locked.yaml",
    ),
    "solve": (
        'colocalc solve colossus-1 --for finance.loss_usd --until "hedge.gross_share=1"',
        'colocalc solve colossus-1 --for reliability.restart_s --until "mfu.job_share>9%"',
    ),
    "explain": ("colocalc explain bubble", "colocalc explain hedge.gross_share colossus-1"),
    "compare": (
        "colocalc compare colossus-1@story-2.60 colossus-1@market-card",
        "colocalc compare colossus-1 fleet.yaml --metric mfu.fleet_share",
    ),
    "sweep": (
        "colocalc sweep colossus-1 --over lease.rate_usd_per_gpu_h=1:4:7",
        "colocalc sweep colossus-1 --over lease.rate_card=market-spot,market-3yr",
    ),
    "risk": ("colocalc risk neocloud-1k-h100 --trials 2000 --seed 1",),
    "validate": ("colocalc validate", "colocalc validate unseen", "colocalc validate runs.yaml --fit --save own.yaml"),
    "catalog": (
        "colocalc catalog fleets",
        "colocalc catalog gpus gb200-nvl72",
        "colocalc catalog metrics -o metrics.csv",
    ),
    "schema": ("colocalc schema -o fleet.schema.json", "colocalc schema report"),
    "init": ("colocalc init", "colocalc init colossus-1 -o mine.yaml"),
}


def epilog(command: str) -> str:
    """The examples of a command as its help shows them, each on a line of its own."""
    lines = "".join(f"\n  {line}" for line in EXAMPLES.get(command, ()))
    return f"\b\nExamples:{lines}" if lines else ""
