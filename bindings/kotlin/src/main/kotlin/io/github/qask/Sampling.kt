// How the next token is drawn.
package io.github.qask

/** How the next token is drawn: a part of [Request]. What is not set is as the model recommends, else the default. */
abstract class Sampling internal constructor() : Settings() {
    /** 0 is greedy, always the likeliest token: 0 to 100. Default: the model's own recommendation, else 0.8. */
    var temperature: Float? by Setting(Raw::requestSetTemperature)

    /** Half-width of dynamic temperature (arXiv:2309.02772): 0 to 100. Default 0 = off. */
    var dynatempRange: Float? by Setting(Raw::requestSetDynatempRange)

    /** Exponent of dynamic temperature: 0 to 100. Default 1. */
    var dynatempExponent: Float? by Setting(Raw::requestSetDynatempExponent)

    /** Nucleus sampling (arXiv:1904.09751): 0 to 1. Default: the model's, else 0.95; 1 = off. */
    var topP: Float? by Setting(Raw::requestSetTopP)

    /** Drop what is less likely than this share of the best: 0 to 1. Default: the model's, else 0.05; 0 = off. */
    var minP: Float? by Setting(Raw::requestSetMinP)

    /** Locally typical sampling (arXiv:2202.00666): 0 to 1. Default 1 = off. */
    var typicalP: Float? by Setting(Raw::requestSetTypicalP)

    /** Keep logits within n standard deviations of the best (arXiv:2411.07641): -1 to 100. Default -1 = off. */
    var topNSigma: Float? by Setting(Raw::requestSetTopNSigma)

    /** Chance that XTC (exclude top choices) acts: 0 to 1. Default 0 = off. */
    var xtcProbability: Float? by Setting(Raw::requestSetXtcProbability)

    /** XTC removes all but the least likely of the tokens above this: 0 to 1. Default 0.1. */
    var xtcThreshold: Float? by Setting(Raw::requestSetXtcThreshold)

    /** Strength of DRY (don't repeat yourself): 0 to 100. Default 0 = off. */
    var dryMultiplier: Float? by Setting(Raw::requestSetDryMultiplier)

    /** Base of DRY's exponential: 1 to 100. Default 1.75. */
    var dryBase: Float? by Setting(Raw::requestSetDryBase)

    /** Divides the logits of past tokens: above 0, to 100. Default: the model's, else 1 = off. */
    var repeatPenalty: Float? by Setting(Raw::requestSetRepeatPenalty)

    /** Taken off a past token's logit for each time it stands there: -100 to 100. Default 0. */
    var frequencyPenalty: Float? by Setting(Raw::requestSetFrequencyPenalty)

    /** Taken off a past token's logit once: -100 to 100. Default 0. */
    var presencePenalty: Float? by Setting(Raw::requestSetPresencePenalty)

    /** Mirostat's target surprise: 0 to 100. Default 5. */
    var mirostatTau: Float? by Setting(Raw::requestSetMirostatTau)

    /** Mirostat's learning rate: 0 to 1. Default 0.1. */
    var mirostatEta: Float? by Setting(Raw::requestSetMirostatEta)

    /** Keep the k likeliest: 0 to 1,000,000. Default: the model's, else 40; 0 = off. */
    var topK: Int? by count(Raw::requestSetTopK)

    /** Repeats up to this length are free under DRY: 0 to 1,000,000. Default 2. */
    var dryAllowedLength: Int? by count(Raw::requestSetDryAllowedLength)

    /** How many past tokens DRY looks at: -1 (the whole context) to 1,000,000. Default -1; 0 = off. */
    var dryPenaltyLastN: Int? by Setting(Raw::requestSetDryPenaltyLastN)

    /**
     * How many past tokens the penalties look at: -1 (the whole context) to 1,000,000. Default: the model's, else 64;
     * 0 = off.
     */
    var penaltyLastN: Int? by Setting(Raw::requestSetPenaltyLastN)

    /** Mirostat version (arXiv:2007.14966): 0 = off, 1 or 2. Default 0. */
    var mirostat: Int? by count(Raw::requestSetMirostat)

    /** How many tokens the truncating samplers keep at least: 0 to 1,000,000. Default 0. */
    var minKeep: Int? by count(Raw::requestSetMinKeep)

    /** Seed of the draw. Default: drawn anew for each submit, and reported on [Event.Done]. */
    var seed: Long? by Setting(Raw::requestSetSeed)
}
