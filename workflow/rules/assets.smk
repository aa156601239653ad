rule asset:
    output:
        status="results/assets/{asset}.json",
    log:
        "results/logs/assets/{asset}.log",
    localrule: True
    params:
        source=lambda wildcards: BENCH.asset_text(wildcards.asset),
    message:
        "fetch {wildcards.asset}"
    script:
        "../scripts/asset.py"
